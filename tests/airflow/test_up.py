"""`make up` keeps its data: its PostgreSQL server starts again after a stop and after a kill, and two never use one folder."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
import sqlalchemy as sa

from tools import postgresql_server as server
from tools.airflow_server import LEADERS, REPO, Failed, stop_left_over
from tools.postgresql_server import lasting_server
from tools.up import alone


@pytest.fixture
def folder(postgresql_server: sa.URL) -> Iterator[Path]:
    """A folder that the user of the server can reach, which pytest's own folders are not. Skipped where there is no PostgreSQL."""
    home = Path(tempfile.mkdtemp(prefix="penstock-up-"))
    home.chmod(0o755)
    yield home / "postgresql"
    for kept in ((home / "postgresql").resolve(), home):
        shutil.rmtree(kept, ignore_errors=True)


def asked(url: sa.URL, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url.set(drivername="postgresql").render_as_string(hide_password=False), autocommit=True) as connection:
        answer = connection.execute(statement.encode())
        return answer.fetchall() if answer.description else []


def server_process(folder: Path) -> psutil.Process:
    return psutil.Process(int((folder / "data" / "postmaster.pid").read_text().split()[0]))


def runs(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def test_what_was_stored_is_there_at_the_next_start(folder: Path) -> None:
    with lasting_server(folder) as url:
        asked(url, "CREATE TABLE kept AS SELECT 42 AS number")
        first = server_process(folder)
    assert not runs(first)
    with lasting_server(folder) as url:
        assert asked(url, "SELECT number FROM kept") == [(42,)]


def test_a_server_that_was_killed_starts_again_with_what_was_committed(folder: Path) -> None:
    with pytest.raises(RuntimeError), lasting_server(folder) as url:  # it can't be stopped at the end: it is dead
        asked(url, "CREATE TABLE kept AS SELECT 42 AS number")
        server_process(folder).kill()
    with lasting_server(folder) as url:
        assert asked(url, "SELECT number FROM kept") == [(42,)]


ABANDON = """
import os, signal, sys
from pathlib import Path
from tools.postgresql_server import lasting_server
with lasting_server(Path(sys.argv[1])) as url:
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_server_whose_starter_was_killed_is_replaced(folder: Path) -> None:
    done = subprocess.run([sys.executable, "-c", ABANDON, str(folder)], cwd=REPO, check=False)
    abandoned = server_process(folder)
    assert done.returncode == -signal.SIGKILL and runs(abandoned)
    with lasting_server(folder) as url:
        assert asked(url, "SELECT 1") == [(1,)] and not runs(abandoned)


def test_a_number_that_is_another_program_s_by_now_does_not_keep_the_server_down(folder: Path) -> None:
    with lasting_server(folder):
        note = (folder / "data" / "postmaster.pid").read_text()
    bystander = subprocess.Popen(["sleep", "60"], **({"user": "postgres"} if os.geteuid() == 0 else {}))
    try:
        stale = folder / "data" / "postmaster.pid"
        stale.write_text("\n".join([str(bystander.pid), *note.splitlines()[1:], ""]))
        with lasting_server(folder) as url:
            assert asked(url, "SELECT 1") == [(1,)]
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts the server as another user")
def test_root_s_server_works_below_a_folder_that_only_root_can_enter(postgresql_server: sa.URL, tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    folder = tmp_path / "postgresql"
    with lasting_server(folder) as url:
        asked(url, "CREATE TABLE kept AS SELECT 42 AS number")
    assert folder.is_symlink() and folder.resolve().parent == server.ROOM
    try:
        with lasting_server(folder) as url:
            assert asked(url, "SELECT number FROM kept") == [(42,)]
    finally:
        shutil.rmtree(folder.resolve())


def test_the_password_is_for_its_owner_alone_and_is_asked_for(folder: Path) -> None:
    with lasting_server(folder) as url:
        assert (folder / "password").stat().st_mode & 0o077 == 0 and (folder / "data").stat().st_mode & 0o077 == 0
        with pytest.raises(psycopg.OperationalError, match="authentication failed"):
            asked(url.set(password=secrets.token_hex(4)), "SELECT 1")


def test_two_in_one_folder_are_refused_and_the_first_is_named(tmp_path: Path) -> None:
    with alone(tmp_path), pytest.raises(Failed, match=rf"already runs on {tmp_path} \(process {os.getpid()}\)"), alone(tmp_path):
        pass
    with alone(tmp_path):
        pass


@pytest.mark.parametrize(("later", "ended"), [(0.0, True), (3600.0, False)], ids=["ours", "another program has the number by now"])
def test_airflow_s_parts_that_a_killed_make_up_left_are_stopped(tmp_path: Path, later: float, ended: bool) -> None:
    part = subprocess.Popen(["sleep", "60"], start_new_session=True)
    try:
        (tmp_path / LEADERS).write_text(json.dumps({part.pid: psutil.Process(part.pid).create_time() - later}))
        stop_left_over(tmp_path)
        assert (part.poll() is not None) == ended and not (tmp_path / LEADERS).exists()
    finally:
        part.kill()
        part.wait()
