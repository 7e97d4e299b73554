"""A private PostgreSQL for the tests; conftest loads this plugin.

`postgresql_server` is the session's server, `postgresql_url` a fresh database in it. Debian's packages are looked for;
where they are missing tests are skipped, but fail when CI is set.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

_numbers = count(1)


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[sa.URL]:
    """The URL of a superuser's connection to the server's `postgres` database."""
    homes = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: float(p.parts[-3]))
    if not homes:
        reason = "PostgreSQL's server programs are not in /usr/lib/postgresql/*/bin (Debian: apt-get install postgresql)"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    binaries = homes[-1].parent
    # The server refuses to run as root; Debian's package makes the user `postgres`.
    user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    folder = Path(tempfile.mkdtemp(prefix="penstock-postgresql-"))
    password = secrets.token_hex(16)
    secret = folder / "password"
    secret.write_text(password)
    if user:
        shutil.chown(folder, "postgres")
        shutil.chown(secret, "postgres")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data, options = folder / "data", f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=50"
    control = [*user, str(binaries / "pg_ctl"), "-D", str(data), "-w"]
    initdb = [*user, str(binaries / "initdb"), "-D", str(data), "-U", "penstock", "-A", "scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8"]
    try:
        _run([*initdb, f"--pwfile={secret}", "--no-sync"], folder)
        _run([*control, "-o", options, "-l", str(folder / "log"), "start"], folder)
        try:
            yield sa.URL.create("postgresql+psycopg", "penstock", password, "127.0.0.1", port, "postgres")
        finally:
            _run([*control, "-m", "immediate", "stop"], folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgresql_url(postgresql_server: sa.URL) -> Iterator[sa.URL]:
    """A fresh, empty database, dropped afterwards."""
    name = f"test_{next(_numbers)}"
    address = postgresql_server.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
        yield postgresql_server.set(database=name)
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _run(command: list[str], folder: Path) -> None:
    # pg_ctl's server inherits what it writes to: a file, for a pipe would never close
    with open(folder / "output", "w+") as output:
        done = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, cwd=folder, check=False)
        if done.returncode:
            output.seek(0)
            raise RuntimeError(f"{Path(command[-1]).name} failed: {output.read()}")
