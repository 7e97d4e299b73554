"""The newest servers for the tests, private and real: MySQL 9, PostgreSQL 18, MariaDB 11.8. conftest loads this plugin.

A tool beside the repository starts them. Where it is missing, or its packages can't be had, the tests are skipped.
PENSTOCK_NEWEST=postgresql,mysql (or mariadb) gives them to the tests of Debian's servers too: `make newest`.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from typing import Any

import pytest
import sqlalchemy as sa

from tests.support.repository import SHARED

TOOL = SHARED / "tools" / "newer_servers.py"
Newest = Callable[[str], sa.URL]
"""A fresh database of `mysql`, `postgresql` or `mariadb`, in the newest version."""
WANTED = frozenset(filter(None, os.environ.get("PENSTOCK_NEWEST", "").split(",")))
_DRIVERS = {"mysql": "mysql+mysqldb", "mariadb": "mysql+mysqldb", "postgresql": "postgresql+psycopg"}
_USERS = {"mysql": "root", "mariadb": "root", "postgresql": "postgres"}
_STARTS = {"mysql": "mysql", "mariadb": "mariadb118", "postgresql": "postgresql18"}
_numbers = count(1)


def _tool() -> Any:
    if not TOOL.is_file():
        pytest.skip(f"the newest servers are not here: {TOOL.parent.name}/{TOOL.name} beside the repository")
    spec = importlib.util.spec_from_file_location("newer_servers", TOOL)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def newest_server() -> Iterator[Newest]:
    """The URL of a server by name; each is started once, when it is first asked for."""
    running: dict[str, sa.URL] = {}
    with ExitStack() as servers:

        def server(name: str) -> sa.URL:
            if name not in running:
                try:
                    port = servers.enter_context(getattr(_tool(), _STARTS[name])())
                except (subprocess.CalledProcessError, OSError, RuntimeError) as error:
                    pytest.skip(f"the newest {name} can't be started: {error}")
                running[name] = sa.URL.create(_DRIVERS[name], _USERS[name], "", "127.0.0.1", port)
            return running[name]

        yield server


@pytest.fixture
def newest(newest_server: Newest) -> Newest:
    """A fresh, empty database of such a server."""

    def database(name: str) -> sa.URL:
        server, made = newest_server(name), f"test_{next(_numbers)}"
        home = server.set(database="postgres" if name == "postgresql" else None)
        engine = sa.create_engine(home, poolclass=sa.pool.NullPool, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {made}")
        return server.set(database=made)

    return database
