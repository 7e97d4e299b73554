"""dlt, from PyPI, as its manual advises for speed: Arrow by connectorx or pyarrow, loaded as Parquet."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

from benchmarks.bed import Path_
from benchmarks.contestants import ALL, PEERS, Command, Route, pinned, program, with_keys

label = "dlt"
paths = ALL
excuses: Mapping[Path_, str] = {}

_PYTHON = PEERS / "dlt" / "bin" / "python"


def absent() -> str | None:
    return None if _PYTHON.exists() else "not installed (make bench does)"


def version() -> str:
    return pinned("dlt", "dlt")


def command(route: Route, folder: Path) -> Command:
    move = f'{program("move_with_dlt.py", python=_PYTHON)} "$SOURCE_URL" "$TARGET_URL" {shlex.quote(route.keys)}'
    ends = {"SOURCE_URL": route.source, "TARGET_URL": route.target}
    return Command(with_keys(route, move), {k: v.render_as_string(hide_password=False) for k, v in ends.items()})
