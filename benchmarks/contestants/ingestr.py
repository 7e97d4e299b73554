"""ingestr, from PyPI: the last release whose package has the program in it (newer ones download it), with its defaults."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import sqlalchemy as sa

from benchmarks.bed import Path_
from benchmarks.contestants import PEERS, Command, Route, joined, pinned, plain, with_keys

label = "ingestr"
paths: tuple[Path_, ...] = (("mariadb", "postgresql"), ("postgresql", "postgresql"), ("postgresql", "mariadb"))
excuses: Mapping[Path_, str] = {("sqlite", "duckdb"): "downloads DuckDB's driver when it runs: `failed to ensure DuckDB ADBC driver`"}

_PROGRAM = PEERS / "ingestr" / "bin" / "ingestr"


def absent() -> str | None:
    return None if _PROGRAM.exists() else "not installed (make bench does)"


def version() -> str:
    return pinned("ingestr", "ingestr")


def command(route: Route, folder: Path) -> Command:
    lines = [
        f'{joined(_PROGRAM, "ingest", "--yes", "--progress", "log")} --source-uri "$SOURCE" --dest-uri "$TARGET" '
        + joined("--source-table", f"{_schema(route.source)}.{t.name}", "--dest-table", f"{_schema(route.target)}.{t.name}")
        for t in route.tables
    ]
    environment = {
        "INGESTR_DISABLE_TELEMETRY": "true",
        "SOURCE": _address(route.source),
        "TARGET": _address(route.target),
        "TARGET_URL": route.target.render_as_string(hide_password=False),
    }
    return Command(with_keys(route, "\n".join(lines)), environment)


def _schema(url: sa.URL) -> str:
    return "public" if url.get_backend_name() == "postgresql" else str(url.database)


def _address(url: sa.URL) -> str:
    return plain(url) + ("?sslmode=disable" if url.get_backend_name() == "postgresql" else "")
