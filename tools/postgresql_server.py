"""A private PostgreSQL server from Debian's packages, on a free port of this machine only, for tests and benchmarks."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa


class Missing(Exception):
    """A server's programs are not on this machine; the text says which package has them."""


@contextmanager
def postgresql_server(*settings: str) -> Iterator[sa.URL]:
    """Start a server, with settings such as `shared_buffers=256MB`, and stop it at the end; nothing of it stays.

    Gives the URL of a superuser's connection to its database `postgres`. It does not sync to disk. Raises Missing.
    """
    homes = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: float(p.parts[-3]))
    if not homes:
        raise Missing("PostgreSQL's server programs are not in /usr/lib/postgresql/*/bin (Debian: apt-get install postgresql)")
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
    chosen = " ".join(f"-c {s}" for s in ("listen_addresses=127.0.0.1", "fsync=off", "max_connections=100", *settings))
    data, options = folder / "data", f"-p {port} -k {folder} {chosen}"
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


def _run(command: list[str], folder: Path) -> None:
    # pg_ctl's server inherits what it writes to: a file, for a pipe would never close
    with open(folder / "output", "w+") as output:
        done = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, cwd=folder, check=False)
        if done.returncode:
            output.seek(0)
            raise RuntimeError(f"{Path(command[-1]).name} failed: {output.read()}")
