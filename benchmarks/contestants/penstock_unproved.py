"""Penstock without its gates and its proof: what these two cost. The product has no such way; the benchmark calls the stages itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from benchmarks.bed import Path_
from benchmarks.contestants import ALL, Command, Route, penstock

label = "Penstock, gates and proof off"
paths = ALL
excuses: Mapping[Path_, str] = {}


def absent() -> str | None:
    return None


def version() -> str:
    return penstock.version()


def command(route: Route, folder: Path) -> Command:
    return penstock.command(route, folder, "move_unproved.py")
