"""A private PostgreSQL for the tests; conftest loads this plugin.

`postgresql_server` is the session's server, `postgresql_url` a fresh database in it. Debian's packages are looked for;
where they are missing tests are skipped, but fail when CI is set.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import count

import psycopg
import pytest
import sqlalchemy as sa

from tests.support.servers import newest
from tools import postgresql_server as server

_numbers = count(1)


@pytest.fixture(scope="session")
def postgresql_server(request: pytest.FixtureRequest) -> Iterator[sa.URL]:
    """The URL of a superuser's connection to the server's `postgres` database."""
    if "postgresql" in newest.WANTED:
        yield request.getfixturevalue("newest_server")("postgresql").set(database="postgres")
        return
    try:
        with server.postgresql_server("wal_level=logical", "max_replication_slots=20", "max_wal_senders=20") as url:
            yield url
    except server.Missing as missing:
        if os.environ.get("CI"):
            pytest.fail(str(missing))
        pytest.skip(str(missing))


@pytest.fixture
def postgresql_url(postgresql_server: sa.URL) -> Iterator[sa.URL]:
    """A fresh, empty database, dropped afterwards."""
    name = f"test_{next(_numbers)}"
    address = postgresql_server.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
        yield postgresql_server.set(database=name)
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")
