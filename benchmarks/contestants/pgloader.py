"""pgloader, from Debian; two workers on two cores and its default batches, as its manual advises."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from benchmarks.bed import Path_
from benchmarks.contestants import Command, Route, plain, told

label = "pgloader"
paths: tuple[Path_, ...] = (("mariadb", "postgresql"), ("postgresql", "postgresql"))
excuses: Mapping[Path_, str] = {}

_OPTIONS = (
    "include drop, create tables, create indexes, reset sequences, workers = 2, concurrency = 1, batch rows = 25000, prefetch rows = 50000"
)


def absent() -> str | None:
    return None if shutil.which("pgloader") else "not installed (Debian: pgloader)"


def version() -> str:
    return told("pgloader", "--version")


def command(route: Route, folder: Path) -> Command:
    # pgloader puts MariaDB's tables into a schema of the database's name.
    move = f"\nALTER SCHEMA '{route.source.database}' RENAME TO 'public'" if route.path[0] == "mariadb" else ""
    load = f"LOAD DATABASE FROM {plain(route.source)} INTO {plain(route.target)}\nWITH {_OPTIONS}{move};\n"
    # It ends well even when rows were refused: the count of errors is in its summary, and the rows are counted afterwards.
    return Command('printf "%s" "$LOAD" > bench.load\npgloader --on-error-stop --root-dir . bench.load', {"LOAD": load})
