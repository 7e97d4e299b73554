"""Short work at the target by a stage that else needs no connection to it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import sqlalchemy as sa

from penstock.errors import ConnectionFailed
from penstock.state.run_context import RunContext

T = TypeVar("T")
_PATIENCE = 60  # seconds that another task may hold the file of an embedded target


def at_target(context: RunContext, work: Callable[[sa.Connection], T]) -> T:
    """What `work` answers, given a connection to the target. Where the target is a file, a task that has it open is waited for.

    Raises ConnectionFailed.
    """
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            with context.writing() as connection:
                return work(connection)
        except ConnectionFailed:
            if not context.target.embedded or time.monotonic() > until:
                raise
            time.sleep(1)  # another task of this migration has the file open
