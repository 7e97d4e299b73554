"""sling, from PyPI: the last release whose package has the program in it (newer ones download it); its bulk loading is the default."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import sqlalchemy as sa

from benchmarks.bed import Path_
from benchmarks.contestants import ALL, PEERS, Command, Route, joined, pinned, plain, with_keys

label = "sling"
paths = ALL
excuses: Mapping[Path_, str] = {}

_HOME = PEERS / "sling" / "lib"


def absent() -> str | None:
    return None if _program("sling_linux_amd64/bin/sling-linux-amd64") else "not installed (make bench does)"


def _program(place: str) -> Path | None:
    return next(_HOME.glob(f"python*/site-packages/{place}"), None)


def version() -> str:
    return pinned("sling", "sling-linux-amd64")


def command(route: Route, folder: Path) -> Command:
    streams = {
        f"{_schema(route.source)}.{t.name}": {
            "object": f"{_schema(route.target)}.{t.name}",
            # The key is made with the table; the DuckDB that it drives takes it afterwards.
            "target_options": {} if route.path[1] == "duckdb" else {"table_keys": {"primary": list(t.key)}},
        }
        for t in route.tables
    }
    replication = {"source": "SOURCE", "target": "TARGET", "defaults": {"mode": "full-refresh"}, "streams": streams}
    environment = {
        "SLING_DISABLE_TELEMETRY": "TRUE",
        "SLING_HOME_DIR": str(folder),
        "SLING_TEMP_DIR": str(folder),
        # DuckDB comes from PyPI too; CSV files, because its extension for HTTP would be downloaded.
        "DUCKDB_PATH": str(_program("duckdb_cli/duckdb")),
        "DUCKDB_USE_INSTALLED_EXTENSIONS": "true",
        "SOURCE": _connection(route.source),
        "TARGET": _connection(route.target),
        "TARGET_URL": route.target.render_as_string(hide_password=False),
        "REPLICATION": json.dumps(replication),
    }
    run = joined(_program("sling_linux_amd64/bin/sling-linux-amd64") or "sling", "run", "-r", "replication.json")
    return Command(with_keys(route, f'printf "%s" "$REPLICATION" > replication.json\n{run}'), environment)


def _schema(url: sa.URL) -> str:
    return {"postgresql": "public", "mysql": str(url.database)}.get(url.get_backend_name(), "main")


def _connection(url: sa.URL) -> str:
    if url.get_backend_name() == "duckdb":
        return json.dumps({"type": "duckdb", "instance": url.database, "copy_method": "csv_files"})
    if url.get_backend_name() == "sqlite":
        return f"sqlite://{url.database}"
    return plain(url) + ("?sslmode=disable" if url.get_backend_name() == "postgresql" else "")
