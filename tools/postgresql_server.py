"""A private PostgreSQL server from Debian's packages, on a free port of this machine only: a temporary one, or one that keeps its data."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import sqlalchemy as sa

USER = "penstock"
PROGRAMS = Path("/usr/lib/postgresql")
ROOM = Path("/var/lib/postgresql")
"""The home of Debian's user `postgres`: it can always write there."""


class Missing(Exception):
    """A server's programs are not on this machine; the text says which package has them."""


@contextmanager
def postgresql_server(*settings: str) -> Iterator[sa.URL]:
    """Start a server, with settings such as `shared_buffers=256MB`, and stop it at the end; nothing of it stays.

    Gives the URL of a superuser's connection to its database `postgres`. It does not sync to disk. Raises Missing.
    """
    programs = _programs()
    folder = Path(tempfile.mkdtemp(prefix="penstock-postgresql-"))
    try:
        _hand_over(folder)
        password = _initialise(programs, folder, "--no-sync")
        with _running(programs, folder, ("fsync=off", *settings), stop="immediate") as port:
            yield _url(password, port)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def lasting_server(folder: Path, *settings: str) -> Iterator[sa.URL]:
    """The same, with its data in `folder`, which is created at first. The data is there again at the next start.

    A server that was killed recovers when it starts. One that still runs here, because whoever started it was killed, is stopped
    first: the caller sees to it that two do not use `folder` at once. When this is root, `folder` belongs to the user `postgres`,
    and becomes a link to a folder in /var/lib/postgresql where that user can't reach it.
    Raises Missing; RuntimeError with the server's log when it does not start.
    """
    made_by = folder / "data" / "PG_VERSION"
    programs = _programs(made_by.read_text().strip() if made_by.exists() else "")
    folder = _reachable(folder)
    password = (folder / "password").read_text() if made_by.exists() else _initialise(programs, folder)
    _clear(programs, folder / "data")
    with _running(programs, folder, settings, stop="fast") as port:
        yield _url(password, port)


def _programs(version: str = "") -> Path:
    """The folder of the newest server's programs, or of those that a data folder of `version` needs."""
    found = sorted(PROGRAMS.glob(f"{version or '*'}/bin/initdb"), key=lambda p: float(p.parts[-3]))
    if not found:
        package = f"postgresql-{version}" if version else "postgresql"
        raise Missing(f"PostgreSQL's server programs are not in {PROGRAMS}/{version or '*'}/bin (Debian: apt-get install {package})")
    return found[-1].parent


def _as_server() -> list[str]:
    """The server refuses to run as root; Debian's package makes the user `postgres`."""
    return ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []


def _hand_over(path: Path) -> None:
    if _as_server():
        shutil.chown(path, "postgres")


def _reachable(folder: Path) -> Path:
    """`folder`, or the folder that it is a link to, so that the user who runs the server can work in it."""
    if not folder.exists():
        folder.mkdir(0o700, parents=True)
        _hand_over(folder)
        if as_server := _as_server():
            test = subprocess.run([*as_server, "test", "-w", str(folder)], cwd="/", check=False)
            if test.returncode:  # below /root for instance
                folder.rmdir()
                folder.symlink_to(tempfile.mkdtemp(prefix="penstock-", dir=ROOM))
                _hand_over(folder.resolve())
    return folder.resolve()


def _initialise(programs: Path, folder: Path, *options: str) -> str:
    """Make `folder/data`, all or nothing, and answer the password of its superuser, which is kept in `folder/password`."""
    secret, data, part = folder / "password", folder / "data", folder / "data.part"
    shutil.rmtree(part, ignore_errors=True)
    secret.touch(0o600)
    secret.write_text(password := secrets.token_hex(16))
    _hand_over(secret)
    initdb = [str(programs / "initdb"), "-D", str(part), "-U", USER, "-A", "scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8"]
    _run([*_as_server(), *initdb, f"--pwfile={secret}", *options], folder)
    part.rename(data)
    return password


def _clear(programs: Path, data: Path) -> None:
    """Stop a server that still runs on `data`. Where its number is another program's or a zombie's, remove the note that keeps it."""
    note = data / "postmaster.pid"
    with suppress(FileNotFoundError):
        number = int(note.read_text().split()[0])
        if not psutil.pid_exists(number):
            return  # the server itself sees that, and looks for others that still use its data
        if _serves(number, data):
            _run([*_control(programs, data), "-m", "fast", "stop"], data.parent)
        else:
            note.unlink()  # the server would take that process for a server, and not start


def _serves(number: int, data: Path) -> bool:
    try:
        process = psutil.Process(number)
        return process.name() == "postgres" and str(data) in process.cmdline()
    except psutil.NoSuchProcess:  # a zombie is one too
        return False


@contextmanager
def _running(programs: Path, folder: Path, settings: tuple[str, ...], stop: str) -> Iterator[int]:
    """The server on `folder/data`; gives its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # No socket in a folder: its path may be too long for one.
    chosen = " ".join(f"-c {s}" for s in ("listen_addresses=127.0.0.1", "unix_socket_directories=''", "max_connections=100", *settings))
    control = _control(programs, folder / "data")
    (folder / "log").unlink(missing_ok=True)
    _run([*control, "-t", "300", "-o", f"-p {port} {chosen}", "-l", str(folder / "log"), "start"], folder)
    try:
        yield port
    finally:
        _run([*control, "-m", stop, "stop"], folder)


def _control(programs: Path, data: Path) -> list[str]:
    return [*_as_server(), str(programs / "pg_ctl"), "-D", str(data), "-w"]


def _url(password: str, port: int) -> sa.URL:
    return sa.URL.create("postgresql+psycopg", USER, password, "127.0.0.1", port, "postgres")


def _run(command: list[str], folder: Path) -> None:
    # pg_ctl's server inherits what it writes to: a file, for a pipe would never close
    with open(folder / "output", "w+") as output:
        done = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, cwd=folder, check=False)
        if done.returncode:
            output.seek(0)
            log = folder / "log"
            told = log.read_text(errors="replace")[-2000:] if log.exists() else ""
            raise RuntimeError(f"{Path(command[-1]).name} failed: {output.read()}{told}")
