"""Penstock end to end in a process of its own: staged, gates and proof on, switched."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

from benchmarks.bed import Path_
from benchmarks.contestants import ALL, Command, Route, plain, program

label = "Penstock, gates and proof on"
paths = ALL
excuses: Mapping[Path_, str] = {}


def absent() -> str | None:
    return None


def version() -> str:
    return metadata.version("penstock")


def command(route: Route, folder: Path, name: str = "move_with_penstock.py") -> Command:
    tables = ", ".join(t.name for t in route.tables)
    migration = f"name: bench\nsource: bench_source\ntarget: bench_target\ntables: {{include: [{tables}]}}\n"
    ends = {"AIRFLOW_CONN_BENCH_SOURCE": plain(route.source), "AIRFLOW_CONN_BENCH_TARGET": plain(route.target)}
    run = program(name, "bench.yaml")
    return Command(f'printf "%s" "$MIGRATION" > bench.yaml\n{run}', ends | {"MIGRATION": migration})
