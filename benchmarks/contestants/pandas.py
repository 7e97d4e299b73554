"""pandas: read_sql in pieces of 50,000 rows, to_sql into tables that are made before, keys afterwards where that is faster."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

from benchmarks.bed import Path_
from benchmarks.contestants import ALL, Command, Route, program, with_keys
from benchmarks.tpch import ddl

label = "pandas read_sql → to_sql"
paths = ALL
excuses: Mapping[Path_, str] = {}


def absent() -> str | None:
    return None


def version() -> str:
    return metadata.version("pandas")


def command(route: Route, folder: Path) -> Command:
    # MariaDB would write the table again to give it a key
    tables = {t.name: ddl(t, key=route.path[1] == "mariadb") for t in route.tables}
    move = f'{program("move_with_pandas.py")} "$SOURCE_URL" "$TARGET_URL" {shlex.quote(json.dumps(tables))}'
    ends = {"SOURCE_URL": route.source, "TARGET_URL": route.target}
    return Command(with_keys(route, move), {k: v.render_as_string(hide_password=False) for k, v in ends.items()})
