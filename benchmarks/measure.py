"""One run of a command: its wall and processor seconds, and the peak memory of all its processes together."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_EVERY = 0.1  # seconds between two looks at the memory


class CommandFailed(Exception):
    """A contestant's command that failed or took too long; the text is the end of what it printed."""


@dataclass(frozen=True)
class Measure:
    """What a run cost. The database servers are not its processes, so they don't count."""

    seconds: float
    cpu_seconds: float
    peak_mb: float


def run(command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None, limit: float = 3600) -> Measure:
    """Run `command` in `folder` in a session of its own, with `environment` beside the usual one. Raises CommandFailed.

    The memory is the proportional set size (shared pages are counted once), looked at ten times a second.
    """
    with tempfile.TemporaryFile() as output:
        began = time.monotonic()
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=os.environ | dict(environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        watcher = _Watcher(process.pid, began + limit)
        watcher.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.monotonic() - began
            process.returncode = os.waitstatus_to_exitcode(status)
        except BaseException:  # stopped from outside: a contestant in a session of its own would go on
            os.killpg(process.pid, signal.SIGKILL)
            raise
        finally:
            watcher.ended.set()
            watcher.join()
        if process.returncode:
            output.seek(max(0, output.seek(0, os.SEEK_END) - 4000))
            told = output.read().decode(errors="replace").strip()
            raise CommandFailed(f"took longer than {limit:.0f} s" if watcher.overdue else told or f"exit code {process.returncode}")
    return Measure(seconds, usage.ru_utime + usage.ru_stime, watcher.peak / 1024)


class _Watcher(threading.Thread):
    """Looks at the memory of a session's processes until `ended` is set; kills them when they are overdue."""

    def __init__(self, session: int, deadline: float) -> None:
        super().__init__(daemon=True)
        self.session, self.deadline = session, deadline
        self.ended, self.overdue, self.peak = threading.Event(), False, 0

    def run(self) -> None:
        while not self.ended.is_set():
            self.peak = max(self.peak, sum(map(_memory, _processes(self.session))))
            if time.monotonic() > self.deadline and not self.overdue:
                self.overdue = True
                os.killpg(self.session, signal.SIGKILL)
            self.ended.wait(_EVERY)


def _processes(session: int) -> list[int]:
    """The processes of a session. Field 6 of /proc/*/stat, counted after the name, which may hold anything."""
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                fields = Path(entry.path, "stat").read_text().rpartition(")")[2].split()
            except OSError:  # it has just ended
                continue
            if int(fields[3]) == session:
                found.append(int(entry.name))
    return found


def _memory(process: int) -> int:
    """A process's proportional set size in KiB; 0 when it has just ended."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
