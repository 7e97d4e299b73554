"""A private MariaDB server from Debian's packages, on a free port of this machine only, for tests and benchmarks."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from tools.postgresql_server import Missing


@contextmanager
def mariadb_server(*settings: str) -> Iterator[sa.URL]:
    """Start a server, with settings such as `innodb-buffer-pool-size=512M`, and stop it at the end; nothing of it stays.

    Gives the URL of a user who may do anything there. It does not flush each commit to disk. Raises Missing.
    """
    server = shutil.which("mariadbd") or "/usr/sbin/mariadbd"
    install = shutil.which("mariadb-install-db")
    if not Path(server).exists() or not install:
        raise Missing("no MariaDB server here: apt-get install mariadb-server")
    with tempfile.TemporaryDirectory(prefix="penstock-mariadb-") as folder, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        as_user = ["--user=root"] if os.getuid() == 0 else []
        plain = [f"--datadir={folder}/data", *as_user]
        with open(Path(tempfile.gettempdir(), "penstock-mariadb.lock"), "w") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)  # two of these at the same moment can fail each other
            subprocess.run([install, "--no-defaults", *plain, "--auth-root-authentication-method=normal"], check=True, capture_output=True)
        password = secrets.token_hex(8)
        init = Path(folder, "init.sql")
        init.write_text(
            f"CREATE USER penstock@'127.0.0.1' IDENTIFIED BY '{password}';\nGRANT ALL ON *.* TO penstock@'127.0.0.1' WITH GRANT OPTION;"
        )
        place = [f"--port={port}", "--bind-address=127.0.0.1", "--skip-name-resolve", f"--socket={folder}/s", f"--init-file={init}"]
        # A server that starts removes the temporary tables of all servers that have the same folder for them.
        Path(folder, "tmp").mkdir()
        place.append(f"--tmpdir={folder}/tmp")
        options = ["local-infile=1", "innodb-flush-log-at-trx-commit=0", "character-set-server=utf8mb4", *settings]
        command = [server, "--no-defaults", *plain, *place, *(f"--{o}" for o in options)]
        with Path(folder, "log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
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
