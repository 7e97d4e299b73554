"""pgcopydb, from Debian; two jobs on two cores."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from benchmarks.bed import Path_
from benchmarks.contestants import Command, Route, plain, told

label = "pgcopydb"
paths: tuple[Path_, ...] = (("postgresql", "postgresql"),)
excuses: Mapping[Path_, str] = {}


def absent() -> str | None:
    return None if shutil.which("pgcopydb") else "not installed (Debian: pgcopydb)"


def version() -> str:
    return told("pgcopydb", "--version")


def command(route: Route, folder: Path) -> Command:
    ends = {"PGCOPYDB_SOURCE_PGURI": plain(route.source), "PGCOPYDB_TARGET_PGURI": plain(route.target)}
    return Command("pgcopydb clone --dir work --table-jobs 2 --index-jobs 2", ends)
