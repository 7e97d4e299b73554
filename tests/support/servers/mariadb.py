"""A private MariaDB server for the tests; conftest loads this plugin."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from tests.support.repository import SHARED
from tests.support.servers import newest
from tools import mariadb_server as server
from tools.postgresql_server import Missing

SAKILA = SHARED / "data" / "sakila"


def missing(what: str) -> None:
    """In CI a server that is not there is a failure; elsewhere the tests that need it are skipped."""
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture(scope="session")
def mariadb_server(request: pytest.FixtureRequest) -> Iterator[sa.URL]:
    """The URL of the private server, as a user who may do anything there."""
    for name in newest.WANTED & {"mysql", "mariadb"}:
        yield request.getfixturevalue("newest_server")(name)
        return
    try:
        with server.mariadb_server("innodb-buffer-pool-size=128M") as url:
            yield url
    except Missing as error:
        missing(str(error))


@pytest.fixture
def mariadb_url(mariadb_server: sa.URL) -> Iterator[sa.URL]:
    """A database of its own, dropped afterwards."""
    name = f"test_{secrets.token_hex(4)}"
    engine = sa.create_engine(mariadb_server, poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
    yield mariadb_server.set(database=name)
    with engine.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {name}")
        connection.exec_driver_sql("DROP DATABASE IF EXISTS sakila")


@pytest.fixture
def mariadb_sakila(mariadb_server: sa.URL) -> Iterator[sa.URL]:
    """sakila, which nobody here wrote, loaded as its authors mean it to be."""
    if not SAKILA.is_dir():
        pytest.skip(f"sakila is not here: {SAKILA.parent.name}/{SAKILA.name} beside the repository")
    client = shutil.which("mariadb")
    if client is None:
        missing("no mariadb client here: apt-get install mariadb-client")
    url = mariadb_server
    command = [str(client), "--no-defaults", "--protocol=tcp", f"--host={url.host}", f"--port={url.port}", f"--user={url.username}"]
    for file in ("sakila-schema.sql", "sakila-data.sql"):
        with (SAKILA / file).open("rb") as script:
            subprocess.run(command, stdin=script, check=True, capture_output=True, env=os.environ | {"MYSQL_PWD": str(url.password)})
    yield url.set(database="sakila")
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql("DROP DATABASE IF EXISTS sakila")
