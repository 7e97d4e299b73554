"""Runs migrations in processes that are killed, without a warning, at the n-th time that an event happens.

A server that forks: what is slow to import (Great Expectations, 8 s) is imported once, and each line on standard
input, [event, n, file, staging, folder, run, interval, repair] as JSON, is one run in a child of its own. Its exit status is the answer.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

from tests.support.requests import ran


def child(event: str, times: int, file: str, root: str, folder: str, run_id: str, interval: str = "", repair: bool = False) -> None:
    """One run, killed at the `times`-th `event`."""
    from penstock.migration.connections import resolve
    from penstock.migration.loader import load
    from penstock.model import intervals
    from penstock.runtime import events

    seen = 0

    def kill(name: str, _: dict[str, Any]) -> None:
        nonlocal seen
        seen += name == event
        if name == event and seen == times:
            os.kill(os.getpid(), signal.SIGKILL)

    migration = load(Path(file))
    asked = intervals.parse(interval, migration.timezone) if interval else None
    ends = resolve(migration.source), resolve(migration.target)
    with events.subscribed(kill):
        ran(migration, run_id, root, *ends, Path(folder), {"mask_key": "k"}, interval=asked, repair=repair)


def serve() -> None:
    import great_expectations  # noqa: F401

    import penstock.run  # noqa: F401

    for line in sys.stdin:
        process = os.fork()
        if process == 0:
            code = 1
            try:
                child(*json.loads(line))
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(code)
        _, status = os.waitpid(process, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    serve()
