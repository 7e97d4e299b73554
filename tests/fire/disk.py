"""A disk that is full from some moment on: the fault is named, nothing half written stays, and with room the same command ends well."""

from __future__ import annotations

import errno
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGSTOP

from tests.fire.attack import Attack, Outcome, Try
from tests.fire.children import Ended, Job
from tests.fire.place import MOMENTS, Place, place, rows, shadows

TARGETS = ("sqlite", "duckdb")


def attempt(this: Try) -> Outcome:
    """Fill the disk of the staging area, or of the target, while a run is paused."""
    target = TARGETS[this.number % len(TARGETS)]
    stage = list(MOMENTS)[this.number // len(TARGETS) % len(MOMENTS)]
    event, times = this.random.choice(MOMENTS[stage])
    which = this.random.choice(("staging area", "target"))
    with place(this.servers, "sqlite", target) as where:
        folder = where.root if which == "staging area" else Path(str(where.target.database)).parent
        with _small(folder):
            job = Job(where.command("A"), where.out("first"), event, this.random.randint(1, times), SIGSTOP)
            pid = this.children.start(job)
            ended = this.children.wait(pid, job)
            if ended.stopped:
                _fill(folder / "filler")
                this.children.resume(pid)
                ended = this.children.wait(pid, job)
            wrong = _wrong(where, ended, folder)
            (folder / "filler").unlink(missing_ok=True)
            again = this.children.run(Job(where.command("A"), where.out("again")))
            if again.code:
                wrong.append(f"the same command does not end well: exit {again.code} {again.told[-400:]}")
            if rows(where.target) != rows(where.source) or shadows(where.target):
                wrong.append(f"what is live is not the source's, or a shadow is left: {shadows(where.target)}")
    return Outcome(
        f"the disk of the {which} is full, in {stage}", f"sqlite→{target}", (ended.fault,), tuple(f"at {event}: {w}" for w in wrong)
    )


@contextmanager
def _small(folder: Path) -> Iterator[None]:
    """A folder that is a disk of 24 MiB."""
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "none", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def _fill(file: Path) -> None:
    """Write until no byte is left."""
    piece = b"\0" * 65536
    with file.open("wb", buffering=0) as stream:
        while piece:
            try:
                stream.write(piece)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                piece = piece[: len(piece) // 2]


def _wrong(where: Place, ended: Ended, folder: Path) -> list[str]:
    wrong = []
    named = {0: True, 1: "the disk of the file is full" in ended.told, 5: ended.fault == "NoSpace"}
    if not named.get(ended.code if ended.code is not None else -1):
        wrong.append(f"the full disk is not named: exit {ended.code}{', hangs' if ended.hangs else ''} {ended.told[-400:]}")
    if left := list(folder.rglob("*.part")):
        wrong.append(f"half written files stay: {left}")
    for file in where.root.rglob("*.json"):
        try:
            json.loads(file.read_text())
        except ValueError:
            wrong.append(f"{file.name} is cut short")
    return wrong


ATTACK = Attack("disk", "a disk is full from some moment on", 48, (4,), attempt)
