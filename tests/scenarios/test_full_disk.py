"""A full or read-only disk: the fault names the place and the fix, nothing half written stays, and the same command ends well."""

from __future__ import annotations

import errno
import json
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pyarrow.fs as pafs
import pytest
import sqlalchemy as sa

from penstock import databases
from penstock.cli.commands import main
from penstock.errors import ConnectionFailed, MigrationError, NoSpace, NotWritable, StagingDamaged
from penstock.state import place_faults, run_log, staging

ROWS = 20_000


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of 1 MiB of its own."""
    folder = tmp_path / "small"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", folder], capture_output=True).returncode:
        pytest.skip("this user can't mount a disk")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    file = tmp_path / "source.db"
    with sqlite3.connect(file) as made:
        made.execute("CREATE TABLE t (id integer PRIMARY KEY, v text NOT NULL)")
        made.executemany("INSERT INTO t VALUES (?, ?)", ((n, os.urandom(60).hex()) for n in range(ROWS)))
    return file


def migration(folder: Path, source: Path, target: str) -> Path:
    file = folder / "full.yaml"
    file.write_text(json.dumps({"name": "full", "source": f"sqlite:///{source}", "target": target, "chunk": "256KiB"}))
    return file


def loaded(url: str) -> int:
    database = databases.of(sa.make_url(url))
    with database.engine(sa.make_url(url)).connect() as connection:
        return int(connection.execute(sa.text("SELECT count(*) FROM t")).scalar_one())


def test_a_full_staging_area_is_named_and_leaves_no_debris(
    tmp_path: Path, small_disk: Path, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = f"duckdb:///{tmp_path / 'target.duckdb'}"
    file = migration(tmp_path, source, target)
    assert main(["run", str(file), "--staging", str(small_disk)]) == 5
    told = capsys.readouterr().err
    assert "NoSpace: there is no room left for a file of the run" in told and str(small_disk) in told
    assert "No space left on device: " in told and "are free" in told and "run the same command again" in told
    assert not list(small_disk.rglob("*.part"))
    for path in small_disk.rglob("*.json"):
        json.loads(path.read_text())
    assert subprocess.run(["mount", "-o", "remount,size=64m", small_disk]).returncode == 0
    assert main(["run", str(file), "--staging", str(small_disk)]) == 0
    assert loaded(target) == ROWS


@pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
def test_a_full_target_is_named(tmp_path: Path, small_disk: Path, source: Path, capsys: pytest.CaptureFixture[str], kind: str) -> None:
    target = f"{kind}:///{small_disk / 'target.db'}"
    file = migration(tmp_path, source, target)
    assert main(["run", str(file), "--staging", str(tmp_path / "staging")]) == 5
    told = capsys.readouterr().err
    assert "NoSpace: the target has no disk space left" in told and str(small_disk) in told, told
    failure = json.loads(next(tmp_path.glob("staging/full/*/failure.json")).read_text())
    assert failure["type"] == "NoSpace" and failure["retryable"]
    assert subprocess.run(["mount", "-o", "remount,size=64m", small_disk]).returncode == 0
    assert main(["run", str(file), "--staging", str(tmp_path / "staging")]) == 0
    assert loaded(target) == ROWS


@pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
def test_a_target_that_can_not_be_created_on_a_full_disk_is_created_when_there_is_room(
    tmp_path: Path, small_disk: Path, source: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    target = f"{kind}:///{small_disk / 'target.db'}"
    file = migration(tmp_path, source, target)
    with suppress(OSError), (small_disk / "filler").open("wb", buffering=0) as filler:
        while True:
            filler.write(bytes(4096))
    assert main(["run", str(file), "--staging", str(tmp_path / "staging")]) in (1, 5)
    told = "".join(capsys.readouterr())
    assert "NoSpace: the target has no disk space left" in told or "the disk of the file is full" in told, told
    assert subprocess.run(["mount", "-o", "remount,size=64m", small_disk]).returncode == 0
    assert main(["run", str(file), "--staging", str(tmp_path / "staging")]) == 0
    assert loaded(target) == ROWS


def test_a_file_that_was_cut_short_is_named(tmp_path: Path) -> None:
    area = staging.of(str(tmp_path), "m", "r")
    area.write_text('{"stage": "load", "at', run_log.FAILURE.path)
    with pytest.raises(StagingDamaged, match="not what was written"):
        run_log.FAILURE.read(area)
    with pytest.raises(StagingDamaged, match="not what was written"):
        area.read_json(run_log.FAILURE.path)


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    area = staging.of(str(tmp_path), "m", "r")
    area.write_text("before", "a.json")

    def full() -> None:
        with area._published("a.json") as made:
            made.stream.write(b"af")
            made.stream.flush()
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(NoSpace) as raised:
        full()
    assert raised.value.where.endswith("/m/r/a.json") and "2 B of the file are written" in raised.value.why and raised.value.retryable
    assert area.read_text("a.json") == "before" and area.names() == ["a.json"]


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (OSError(errno.EDQUOT, "Disk quota exceeded"), NoSpace),
        (OSError(errno.EFBIG, "File too large"), NoSpace),
        (OSError("When completing multiple part upload: AWS Error UNKNOWN (HTTP status 507): XMinioStorageFull"), NoSpace),
        (OSError(errno.EROFS, "Read-only file system"), NotWritable),
        (OSError("When testing for existence of bucket 'b': AWS Error ACCESS_DENIED during HeadBucket operation"), NotWritable),
        (OSError("When uploading part: AWS Error NETWORK_CONNECTION during UploadPart operation: curlCode: 7"), ConnectionFailed),
        (OSError(errno.ENOENT, "No such file"), None),
        (ValueError("No space left on device"), None),
    ],
)
def test_what_an_error_of_a_place_means(error: Exception, fault: type | None) -> None:
    found = place_faults.fault(error, "s3://bucket/x")
    assert found is None if fault is None else isinstance(found, fault) and found.where == "s3://bucket/x"


def test_a_read_only_target_is_named(postgresql_url: sa.URL, mariadb_url: sa.URL, tmp_path: Path) -> None:
    (tmp_path / "closed.db").touch()
    sqlite = sa.make_url(f"sqlite:///file:{tmp_path / 'closed.db'}?mode=ro&uri=true")
    for url, closed in (
        (postgresql_url, "SET default_transaction_read_only = on"),
        (mariadb_url, "SET SESSION TRANSACTION READ ONLY"),
        (sqlite, ""),
    ):
        with databases.connect(databases.of(url), url, "target").connect() as connection:
            if closed:
                connection.execute(sa.text(closed))
                connection.commit()
            with pytest.raises(NotWritable) as raised:
                connection.execute(sa.text("CREATE TABLE t (id int)"))
            assert raised.value.what == "the target can only be read" and raised.value.retryable


@pytest.mark.parametrize(
    "root",
    ["s3://key:secret@bucket/x", "s3://key:sec/ret@bucket/x", "abfss://:secret@account/x", "s3://bucket/x?secret_key=secret"],
)
def test_a_secret_in_the_staging_url_is_refused_and_not_shown(root: str) -> None:
    with pytest.raises(MigrationError) as raised:
        staging.of(root, "m", "r")
    assert "ret" not in str(raised.value).replace("secret in it", "").replace("SECRET", "") and "leave it out" in raised.value.fix


@pytest.mark.parametrize("root", ["foo://x", "s3:///x", "s3:/bucket/x", "s3://bucket name/x", "file://host/x", "a\0b", "s3://b/x?bad=1"])
def test_a_bad_staging_url_is_named(root: str) -> None:
    with pytest.raises(MigrationError, match="can't be read as a URL or a path"):
        staging.of(root, "m", "r")


def test_a_local_path_and_its_url_are_one_place(tmp_path: Path) -> None:
    one, other = staging.of(str(tmp_path), "m", "r"), staging.of(tmp_path.as_uri(), "m", "r")
    assert (one.path, one.url) == (other.path, other.url) and isinstance(one.filesystem, pafs.LocalFileSystem)
