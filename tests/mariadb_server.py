"""A private MariaDB server for the tests, from Debian's packages, on a free port of this machine only."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

SAKILA = Path(__file__).parents[2] / "shared" / "data" / "sakila"


def missing(what: str) -> None:
    """In CI a server that is not there is a failure; elsewhere the tests that need it are skipped."""
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[sa.URL]:
    """The URL of the private server, as a user who may do anything there."""
    server = shutil.which("mariadbd") or "/usr/sbin/mariadbd"
    install = shutil.which("mariadb-install-db")
    if not Path(server).exists() or not install:
        missing("no MariaDB server here: apt-get install mariadb-server")
    with tempfile.TemporaryDirectory(prefix="penstock-mariadb-") as folder, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        as_user = ["--user=root"] if os.getuid() == 0 else []
        plain = [f"--datadir={folder}/data", *as_user]
        subprocess.run([install, "--no-defaults", *plain, "--auth-root-authentication-method=normal"], check=True, capture_output=True)
        password = secrets.token_hex(8)
        init = Path(folder, "init.sql")
        init.write_text(
            f"CREATE USER penstock@'127.0.0.1' IDENTIFIED BY '{password}';\nGRANT ALL ON *.* TO penstock@'127.0.0.1' WITH GRANT OPTION;"
        )
        options = [
            f"--port={port}",
            "--bind-address=127.0.0.1",
            "--skip-name-resolve",
            f"--socket={folder}/s",
            f"--init-file={init}",
            "--local-infile=1",
        ]
        options += ["--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=128M", "--character-set-server=utf8mb4"]
        with (
            Path(folder, "log").open("w") as log,
            subprocess.Popen([server, "--no-defaults", *plain, *options], stdout=log, stderr=log) as process,
        ):
            url = sa.URL.create("mysql+mysqldb", "penstock", password, "127.0.0.1", port)
            try:
                _wait(url, Path(folder, "log"))
                yield url
            finally:
                process.terminate()
                process.wait(30)


def _wait(url: sa.URL, log: Path) -> None:
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    for _ in range(150):
        try:
            engine.connect().close()
            return
        except sa.exc.OperationalError:
            time.sleep(0.2)
    raise RuntimeError(f"MariaDB did not start:\n{log.read_text()[-2000:]}")


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
