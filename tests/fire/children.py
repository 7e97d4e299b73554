"""Runs in processes of their own, which an event kills or stops: a server that forks, so that slow imports are done once.

`python -m tests.fire.children` reads one JSON request a line and answers with one JSON line: see `Children`.
"""

from __future__ import annotations

import faulthandler
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import sqlalchemy as sa

from penstock.errors import LeaseHeld, PenstockError
from tests.support.repository import REPO
from tools import s3_server

_SECONDS = 90
"""How long a run may take that nobody stops; none takes a tenth of it."""


@dataclass(frozen=True)
class Job:
    """One command in a process of its own.

    command: arguments of `penstock`.  out: the file that it writes to.
    signal: sent to it at the `times`-th `event`; 0 is none.
    by_stages: not the command, but its run stage by stage, each with a lease of its own, as Airflow's tasks have it. A process that was
      sent a signal ends with its stage.
    counts: the file for how often each event happened; "" is none.
    damage: of tests/fire/damage.py, done with this `seed` at the `times`-th `event`.  done: the file for what came of it.
    env: more of its environment.
    """

    command: tuple[str, ...]
    out: str
    event: str = ""
    times: int = 1
    signal: int = 0
    by_stages: bool = False
    counts: str = ""
    damage: str = ""
    seed: int = 0
    done: str = ""
    env: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Ended:
    """How far a process is. code: its exit code, negative of a signal.  stopped: it waits to be resumed.  hangs: it did not end in time."""

    code: int | None
    stopped: bool
    told: str
    hangs: bool = False

    @property
    def fault(self) -> str:
        """The type of the fault that it named last, or how it ended."""
        named = [line.partition(":")[0] for line in self.told.splitlines() if line[:1].isupper() and line.partition(":")[0].isidentifier()]
        return "hangs" if self.hangs else f"exit {self.code}" if not self.code or not named else named[-1]


@dataclass(frozen=True)
class Children:
    """The server, seen from its user."""

    server: subprocess.Popen[str]

    def start(self, job: Job) -> int:
        """The number of the new process."""
        return int(self._asked("start", asdict(job)))

    def wait(self, pid: int, job: Job, seconds: float = _SECONDS) -> Ended:
        """Wait until a process has ended or is stopped. One that hangs is killed."""
        state = self._asked("wait", [pid, seconds])
        return Ended(state["code"], state["stopped"], Path(job.out).read_text(errors="replace"), state["hangs"])

    def resume(self, pid: int) -> None:
        os.kill(pid, signal.SIGCONT)

    def run(self, job: Job) -> Ended:
        return self.wait(self.start(job), job)

    def _asked(self, what: str, argument: object) -> Any:
        assert self.server.stdin and self.server.stdout
        self.server.stdin.write(json.dumps([what, argument]) + "\n")
        self.server.stdin.flush()
        return json.loads(self.server.stdout.readline())


@contextmanager
def children() -> Iterator[Children]:
    """A server, which is gone in the end."""
    command = [sys.executable, "-m", "tests.fire.children"]
    with subprocess.Popen(
        command, cwd=REPO, env=os.environ | s3_server.ENVIRONMENT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        yield Children(server)
        assert server.stdin
        server.stdin.close()


# ---- the server

_going_on: set[int] = set()
"""Processes that were started and have not been seen to end."""


def serve() -> None:
    import great_expectations  # noqa: F401

    import penstock.cli.commands
    import penstock.run  # noqa: F401

    for line in sys.stdin:
        what, argument = json.loads(line)
        answer: object = _start(Job(**argument)) if what == "start" else _wait(*argument)
        print(json.dumps(answer), flush=True)
    for left in _going_on:  # its user has been ended meanwhile
        os.kill(left, signal.SIGKILL)


def _start(job: Job) -> int:
    process = os.fork()
    if process:
        _going_on.add(process)
        return process
    code = 1
    faulthandler.dump_traceback_later(_SECONDS - 5)  # where a process hangs
    try:
        descriptor = os.open(job.out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for standard in (1, 2):
            os.dup2(descriptor, standard)
        os.environ.update(job.env)
        code = _done(job)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _wait(pid: int, seconds: float) -> dict[str, object]:
    until = time.monotonic() + seconds
    while True:
        found, status = os.waitpid(pid, os.WUNTRACED | os.WNOHANG)
        if found and os.WIFSTOPPED(status):
            return {"code": None, "stopped": True, "hangs": False}
        if found:
            _going_on.discard(pid)
            return {"code": os.waitstatus_to_exitcode(status), "stopped": False, "hangs": False}
        if time.monotonic() > until:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            _going_on.discard(pid)
            return {"code": None, "stopped": False, "hangs": True}
        time.sleep(0.01)


# ---- a child


def _done(job: Job) -> int:
    from penstock.cli.commands import main
    from penstock.runtime import events

    seen: dict[str, int] = {}

    def happened(name: str, _: dict[str, Any]) -> None:
        seen[name] = seen.get(name, 0) + 1
        if job.signal and (name, seen[name]) == (job.event, job.times):
            os.kill(os.getpid(), job.signal)
        if job.damage and (name, seen[name]) == (job.event, job.times):
            Path(job.done).write_text(_damaged(job))

    with events.subscribed(happened):
        code = _stages(job.command, lambda: seen.get(job.event, 0) >= job.times) if job.by_stages else main(list(job.command))
    if job.counts:
        Path(job.counts).write_text(json.dumps(seen))
    return code


def _damaged(job: Job) -> str:
    """Do the damage of a job. Answers what came of it."""
    from penstock.migration.loader import load
    from tests.fire.damage import BY_NAME
    from tests.fire.place import Place

    file = Path(job.command[1])
    migration = load(file)
    where = Place(file.parent, sa.make_url(migration.source), sa.make_url(migration.target))
    try:
        BY_NAME[job.damage].act(where, Random(job.seed))
    except (sa.exc.DBAPIError, PenstockError) as error:
        return f"could not be done: {type(error).__name__}: {str(getattr(error, 'orig', error)).splitlines()[0]}"
    except Exception as error:
        return f"failed: {type(error).__name__}: {error}"
    return "done"


def _stages(command: tuple[str, ...], over: Callable[[], bool]) -> int:
    """`run FILE --run-id RUN --staging ROOT`, stage by stage, up to the one after which it is `over`."""
    from penstock.migration.connections import resolve
    from penstock.migration.loader import load
    from penstock.model import pipeline
    from penstock.run import perform, planned
    from penstock.stages import report
    from penstock.stages.switch import switch
    from tests.support.requests import request

    _, file, _, run, _, root = command
    migration = load(Path(file))
    asked = request(migration, run, root, resolve(migration.source), resolve(migration.target), Path(file).parent / "none")
    try:
        context = planned(asked)
        move = [] if switch.happened(context) else pipeline.of(context.plan, pipeline.MOVE)
        for stage in (*move, *pipeline.of(context.plan, pipeline.SWITCH)):
            if stage.function:
                perform(context, stage)
            if over():
                return 0
        report.report(asked.area, migration.name, run)
    except PenstockError as error:
        print(error, file=sys.stderr)
        return 8 if isinstance(error, LeaseHeld) else 5
    return 0


if __name__ == "__main__":
    serve()
