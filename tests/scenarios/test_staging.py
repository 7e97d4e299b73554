"""Staging is private and mortal: what a run stages can be read by nobody else, and is gone when nothing needs it any more."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from fsspec.implementations.local import LocalFileSystem
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock import databases
from penstock.cli import run_lookup
from penstock.cli.commands import main
from penstock.errors import GateClosed, PreflightFailed, RowsRemoved, StagingLocked
from penstock.migration.loader import load
from penstock.migration.spec import Migration
from penstock.model.file_names import folder
from penstock.stages import extract, redrive, report
from penstock.stages.switch import clean, undo
from penstock.state import encrypted_files, journal, run_files, staged_rows, staging
from penstock.state.encrypted_files import SEGMENT
from penstock.state.protection import Protection
from penstock.state.run_context import RunContext
from tests.support.requests import ran, request

SECRET = b"secret-"
KEYS = {"mask_key": "k"}
TABLES = """
  person:
    sensitive: [diary]
    transform: [{rename: {email: mail}}, {mask: {mail: sha256}}, {drop: [nick]}]
"""


@dataclass(frozen=True)
class Town:
    """A migration of a table with a masked, a dropped and a sensitive column, and of one without any."""

    folder: Path
    source: sa.URL
    target: sa.URL

    @property
    def root(self) -> Path:
        return self.folder / "staging"

    def write(self, extra: str = "", tables: str = TABLES) -> Migration:
        ends = "".join(f"{end}: {getattr(self, end).render_as_string(hide_password=False)}\n" for end in ("source", "target"))
        (self.folder / "town.yaml").write_text(f"name: town\n{ends}{extra}\ntables:{tables}")
        return load(self.folder / "town.yaml")

    def run(
        self, run_id: str = "r1", migration: Migration | None = None, secrets: dict[str, str] | None = None, **options: Any
    ) -> RunContext:
        ends = (self.source, self.target, self.folder / "suites", KEYS if secrets is None else secrets)
        return ran(migration or self.write(), run_id, str(self.root), *ends, **options)

    def area(self, run_id: str = "r1") -> staging.Staging:
        return staging.of(str(self.root), "town", run_id)

    def reopened(self, run_id: str = "r1", secrets: dict[str, str] | None = None) -> RunContext:
        ends = (self.source, self.target, self.folder / "suites", KEYS if secrets is None else secrets)
        return request(load(self.folder / "town.yaml"), run_id, str(self.root), *ends).reopened()

    def clean(self, dry_run: bool = False) -> clean.Cleaned:
        return clean.clean(load(self.folder / "town.yaml"), str(self.root), self.target, dry_run)

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        engine = databases.of(self.target).engine(self.target)
        with engine.begin() as connection:
            result = databases.execute(connection, statement)
            found = [tuple(r) for r in result.fetchall()] if statement.startswith("SELECT") else []
        engine.dispose()
        return found

    def keys(self) -> list[str]:
        return [r for (r,) in self.query("SELECT run FROM penstock_keys ORDER BY 1")]

    def parquet(self, run_id: str = "r1") -> list[str]:
        """The Parquet files of a run, relative to it."""
        place = Path(self.area(run_id).path)
        return sorted(str(f.relative_to(place)) for f in place.rglob("*.parquet*"))

    def age(self, run_id: str, hours: float) -> None:
        """Make everything in a run's folder so old."""
        at = time.time() - hours * 3600
        for file in self.area(run_id).files():
            os.utime(file.path, (at, at))

    def leaks(self) -> list[str]:
        """Files under the staging root in which a secret value can be read, by its bytes or as a Parquet file that opens without a key."""
        found = []
        for file in (f for f in self.root.rglob("*") if f.is_file()):
            if SECRET in file.read_bytes() or ("person" in file.parts and ".parquet" in file.name and _opens(file)):
                found.append(str(file.relative_to(self.root)))
        return found


def _opens(file: Path) -> bool:
    try:
        pq.read_table(file)
    except pa.ArrowInvalid:
        return False
    return True


@pytest.fixture
def town(tmp_path: Path) -> Town:
    with sqlite3.connect(tmp_path / "town.sqlite") as db:
        db.execute("CREATE TABLE person (id INTEGER PRIMARY KEY, email TEXT NOT NULL, nick TEXT, diary TEXT, city TEXT)")
        people = [
            (n, f"secret-mail-{n}@example.com", f"secret-nick-{n % 7}", f"secret-diary-{n % 5}", f"city {n % 3}") for n in range(1, 501)
        ]
        db.executemany("INSERT INTO person VALUES (?,?,?,?,?)", people)
        db.execute("CREATE TABLE place (id INTEGER PRIMARY KEY, name TEXT)")
        db.executemany("INSERT INTO place VALUES (?,?)", [(n, f"place {n}") for n in range(50)])
    db.close()
    made = Town(tmp_path, *(sa.make_url(f"{kind}:///{tmp_path}/town.{kind}") for kind in ("sqlite", "duckdb")))
    made.write()
    return made


def asks(town: Town, name: str, *expectations: dict[str, Any]) -> None:
    (town.folder / "suites").mkdir(exist_ok=True)
    (town.folder / "suites" / f"{name}.json").write_text(json.dumps({"expectations": expectations}))


def matches(column: str, severity: str) -> dict[str, Any]:
    return {"type": "expect_column_values_to_be_in_set", "kwargs": {"column": column, "value_set": ["x"]}, "severity": severity}


BAD_ROWS = "bad_rows: {action: quarantine, at_most: 1000}"
BAD_STEP = TABLES.replace(
    "{drop: [nick]}", "{derive: {n: 'CASE WHEN id % 100 = 0 THEN CAST(city AS INTEGER) ELSE id END'}}, {drop: [nick]}"
)


# ---- private


def test_nobody_else_can_read_what_is_staged_whatever_the_umask(town: Town) -> None:
    before = os.umask(0)
    try:
        town.run("r1", town.write(BAD_ROWS, BAD_STEP), stop_before_switch=True)
        town.run("r2")
        (town.folder / "beside").mkdir(mode=0o755)  # somebody's own root keeps its mode
        staging.of(str(town.folder / "beside"), "town", "r").write_json({}, "a", "b.json")
    finally:
        os.umask(before)
    modes = {oct(f.stat().st_mode & 0o777) + (" folder" if f.is_dir() else " file") for f in [town.root, *town.root.rglob("*")]}
    assert modes == {"0o700 folder", "0o600 file"} and list(town.root.rglob(".migration/*")) and list(town.root.rglob("quarantine/*/*"))
    assert (town.folder / "beside").stat().st_mode & 0o777 == 0o755 and (town.folder / "beside/town/r/a").stat().st_mode & 0o777 == 0o700


def test_a_file_that_an_earlier_try_left_open_to_all_is_closed(town: Town) -> None:
    area = town.area()
    area.write_text("a", "x.json")
    left = Path(area.at("x.json.part"))
    left.write_text("older")
    left.chmod(0o666)
    area.write_text("b", "x.json")
    assert Path(area.at("x.json")).stat().st_mode & 0o777 == 0o600 and area.read_text("x.json") == "b"


def test_masked_dropped_and_sensitive_values_are_in_no_file_of_any_run(town: Town) -> None:
    for stage in ("extracted", "transformed", "loaded"):
        asks(
            town, f"person.{stage}", *(matches(c, "warning") for c in (("email", "nick", "diary") if stage == "extracted" else ("diary",)))
        )
    town.run("gate", stop_before_switch=True)
    assert [f for f in town.parquet("gate") if "person" in f] and town.leaks() == []
    town.run("switched")
    assert town.parquet("switched") == [] and town.leaks() == []
    with pytest.raises(PreflightFailed):
        town.run("no key", secrets={})
    asks(town, "person.extracted", matches("email", "critical"))
    with pytest.raises(GateClosed) as closed:
        town.run("closed")
    assert "secret" not in str(closed.value) and town.parquet("closed") and town.leaks() == []
    verdicts = (town.root / "town/gate/verdicts/extracted.json").read_text()
    assert verdicts.count('"success": false') == 3, "the gate has read the encrypted rows"
    rows = [row for name in journal.NAMES for row in town.query(f"SELECT * FROM {name}")]
    assert rows and SECRET.decode() not in repr(rows)
    (random,) = {r for (r,) in town.query("SELECT random FROM penstock_keys WHERE run = 'closed'")}
    assert random not in "".join(f.read_text("latin1") for f in town.root.rglob("*") if f.is_file())


def test_quarantined_rows_are_encrypted_and_their_keys_in_no_manifest(town: Town) -> None:
    tables = BAD_STEP.replace("sensitive: [diary]", "sensitive: [diary]\n    key: [email]").replace("\n    transform", "\n    transform")
    with sqlite3.connect(town.folder / "town.sqlite") as db:
        db.executescript("CREATE TABLE p AS SELECT * FROM person; DROP TABLE person; ALTER TABLE p RENAME TO person;")
    db.close()
    town.run(migration=town.write(BAD_ROWS, tables))
    assert town.parquet() == ["quarantine/person/transformed-00000.parquet"] and town.leaks() == []
    entries = redrive.left(town.reopened())
    assert len(entries) == 5 and "secret" not in repr(entries)
    whole = staged_rows.ready(town.reopened(), quarantine=True).staging
    held = list(whole.batches("quarantine/person/transformed-00000.parquet"))
    assert sum(b.num_rows for b in held) == 5 and "secret-mail-100@" in repr(held[0].to_pylist())


def test_bounds_of_chunks_show_no_value_of_a_private_key(town: Town) -> None:
    with sqlite3.connect(town.folder / "town.sqlite") as db:
        db.executescript(
            "CREATE TABLE code (code TEXT PRIMARY KEY, v TEXT) WITHOUT ROWID; INSERT INTO code SELECT email, city FROM person;"
        )
    db.close()
    town.run(migration=town.write("chunk: 1KiB", f"{TABLES}  code: {{sensitive: [code]}}\n"), stop_before_switch=True)
    assert len(town.reopened().plan.table("person").chunks) > 1 and town.leaks() == []


def killed(town: Town, event: str) -> None:
    """A run r1 that is killed at an event."""
    asked = json.dumps([event, 1, str(town.folder / "town.yaml"), str(town.root), str(town.folder / "suites"), "r1"])
    done = subprocess.run([sys.executable, "-m", "tests.support.kill_at"], input=asked + "\n", capture_output=True, text=True, check=True)
    assert int(done.stdout) == -9, done.stderr


@pytest.mark.parametrize("event", ["extract.batch", "transform.chunk", "load.batch", "removal.started", "removal.finished"])
def test_a_killed_run_leaks_nothing_and_its_retry_finds_the_key(town: Town, event: str) -> None:
    killed(town, event)
    assert town.leaks() == []
    if event != "removal.finished":
        assert town.keys() == ["r1"]
    town.run()
    assert town.leaks() == [] and town.parquet() == [] and town.keys() == []
    assert len(town.query("SELECT * FROM person")) == 500


# ---- the key


def test_a_run_without_its_key_says_what_happened_and_what_to_do(town: Town) -> None:
    town.run(stop_before_switch=True)
    with pytest.raises(StagingLocked) as other:
        town.run(secrets={"mask_key": "another"})
    assert "penstock_mask" in other.value.where and "PENSTOCK_MASK_KEY" in other.value.where and "what it was" in other.value.fix
    with pytest.raises(StagingLocked) as unset:
        staged_rows.ready(town.reopened(secrets={}))
    assert unset.value.why == "it is not set here"
    town.query("DELETE FROM penstock_keys")
    with pytest.raises(StagingLocked) as gone:
        town.run()
    assert "no longer has their key" in gone.value.what and "penstock run --new" in gone.value.fix
    assert "no longer has their key" in town.area().read_text("failure.json")
    town.run("r2")  # and a new run is not held up


def test_the_staging_secret_is_preferred_and_stays_that_of_the_run(town: Town) -> None:
    both = KEYS | {"staging_key": "s"}
    town.run(stop_before_switch=True, secrets=both)
    assert town.area().read_json("protection.json")["secret"] == "staging_key"
    with pytest.raises(StagingLocked) as missing:
        staged_rows.ready(town.reopened())
    assert "penstock_staging" in missing.value.where
    staged = staged_rows.ready(town.reopened(secrets=both)).staging
    assert next(staged.batches("extracted/person/000001/00000.parquet")).num_rows == 500
    random = bytes.fromhex(town.query("SELECT random FROM penstock_keys")[0][0])
    alone = town.area().protected(Protection(staged.protection.folders, random))
    with pytest.raises(StagingLocked):  # the target's part opens nothing by itself
        next(alone.batches("extracted/person/000001/00000.parquet"))


def test_tables_without_private_columns_are_staged_as_ever_and_make_no_key(town: Town) -> None:
    town.run(migration=town.write(tables="\n  include: [place]\n"), stop_before_switch=True)
    assert pq.read_table(town.area().local("extracted/place/000001/00000.parquet")).num_rows == 50
    assert town.keys() == [] and not town.area().exists("protection.json")


def test_a_check_and_a_dry_run_write_no_key(town: Town, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("PENSTOCK_MASK_KEY", raising=False)
    file = str(town.folder / "town.yaml")
    assert main(["check", file, "--staging", str(town.root), "--no-estimate"]) == 1
    told = capsys.readouterr().out
    assert "tables.person.transform" in told and "penstock_mask" in told and "PENSTOCK_MASK_KEY" in told
    monkeypatch.setenv("PENSTOCK_MASK_KEY", "k")
    assert main(["check", file, "--staging", str(town.root), "--no-estimate"]) == 0
    assert main(["plan", file]) == 0
    assert town.query("SELECT count(*) FROM duckdb_tables()") == [(0,)]


# ---- mortal


def test_what_a_finished_run_leaves_is_enough_to_report_and_undo_it(town: Town) -> None:
    town.run()
    assert town.parquet() == [] and town.keys() == [] and town.area().read_json("removed.json")["done"]
    assert town.area().receipt("extracted", "person", 0)
    assert report.report(town.area(), "town", "r1")["outcome"] == "switched"
    with pytest.raises(RowsRemoved) as removed:
        extract.extract(town.reopened(), ["person"])
    assert "were removed on 20" in removed.value.what and "new run" in removed.value.fix
    town.run()  # to go on with a run that has ended does nothing more
    assert (
        undo.undo(town.reopened()).state == "undone"
        and town.query("SELECT table_name FROM duckdb_tables() WHERE table_name = 'person'") == []
    )


def test_rows_that_the_load_rejected_are_re_driven_after_the_run_has_finished(town: Town) -> None:
    # the target refuses a text that its column can't hold, which only the load finds
    with sqlite3.connect(town.folder / "town.sqlite") as db:
        db.executescript("CREATE TABLE odd (id INTEGER PRIMARY KEY, j JSON_TEXT, email TEXT)")
        db.executemany("INSERT INTO odd VALUES (?,?,?)", [(n, "{" if n == 3 else "{}", f"secret-mail-{n}") for n in range(1, 9)])
    db.close()
    steps = "{mask: {email: sha256}}"
    town.run(migration=town.write(BAD_ROWS, f"\n  include: [odd]\n  odd: {{transform: [{steps}]}}\n"))
    assert town.parquet() == ["quarantine/odd/loaded-00000.parquet", "quarantine_source/odd/00000.parquet"]
    assert town.keys() == ["r1"] and not [f for f in town.root.rglob("*") if f.is_file() and SECRET in f.read_bytes()]
    mend = """{derive: {j: "CASE WHEN json_valid(j) THEN j ELSE 'null' END::JSON"}}"""
    mended = town.write(BAD_ROWS, f"\n  include: [odd]\n  odd: {{transform: [{mend}, {steps}]}}\n")
    assert [(d.loaded, d.left) for d in redrive.redrive(town.reopened(), mended)] == [(1, 0)]
    assert len({m for (m,) in town.query("SELECT email FROM odd")}) == 8


# ---- clean


def test_clean_removes_what_is_over_and_nothing_else(town: Town, capsys: pytest.CaptureFixture[str]) -> None:
    plain = town.write("staging: {keep: 2d}")
    asks(town, "person.extracted", matches("email", "critical"))
    for name in ("failed long ago", "failed lately"):
        with pytest.raises(GateClosed):
            town.run(name, plain)
    (town.folder / "suites" / "person.extracted.json").unlink()
    town.run("waiting", town.write("staging: {keep: 2d}\nswitch: {approval: true, approve_within: 30d}"), stop_before_switch=True)
    town.run("goes on", town.write("staging: {keep: 0m}"), stop_before_switch=True)
    town.run("quarantined", town.write(f"{BAD_ROWS}\nstaging: {{keep: 2d}}", BAD_STEP))
    for name, hours in {"failed long ago": 49, "failed lately": 47, "waiting": 49, "goes on": 3, "quarantined": 49}.items():
        town.age(name, hours)
    before = {name: town.parquet(name) for name in ("failed long ago", "failed lately", "waiting", "goes on", "quarantined")}
    assert all(before.values()) and len(town.keys()) == 5
    town.write("staging: {keep: 2d}\nswitch: {approval: true, approve_within: 30d}")
    everything = sorted(f for f in town.root.rglob("*") if f.is_file())
    assert main(["clean", str(town.folder / "town.yaml"), "--staging", str(town.root), "--dry-run"]) == 0
    told = capsys.readouterr().out
    assert "run failed long ago: 2 files" in told and "and the key" in told and "would remove 3 files" in told and "lately" not in told
    assert sorted(f for f in town.root.rglob("*") if f.is_file()) == everything and len(town.keys()) == 5
    assert main(["clean", str(town.folder / "town.yaml"), "--staging", str(town.root)]) == 0
    assert "removed 3 files" in capsys.readouterr().out
    for name, files in before.items():
        assert town.parquet(name) == ([] if name in ("failed long ago", "quarantined") else files), name
    assert town.keys() == ["failed lately", "goes on", "waiting"]
    assert town.clean() == clean.Cleaned((), ()), "there is nothing left to be done"
    # history, pages and reports go on; who wants the rows is told
    assert report.report(town.area("failed long ago"), "town", "failed long ago")["outcome"]
    assert report.report(town.area("quarantined"), "town", "quarantined")["outcome"] == "switched"
    with pytest.raises(RowsRemoved, match="quarantine of the run quarantined"):
        redrive.left(town.reopened("quarantined"))
    with pytest.raises(RowsRemoved):
        town.run("failed long ago", plain)
    assert run_lookup.unfinished(str(town.root), plain, {}) is None


def test_a_cleaner_that_was_killed_is_followed_by_one_that_ends_its_work(town: Town) -> None:
    town.run(stop_before_switch=True)
    staged_rows.REMOVED.write(town.area(), staged_rows.Removed("2026-01-01", "2026-01-01", done=False))
    assert [(r.run, r.key) for r in town.clean().runs] == [("r1", True)] and town.parquet() == [] and town.keys() == []


def test_two_cleaners_and_a_run_do_not_hurt_each_other(town: Town, postgresql_url: sa.URL) -> None:
    town = replace(town, target=postgresql_url)
    town.write()
    for name in ("a", "b", "c"):
        town.run(name, stop_before_switch=True)
        town.age(name, 24 * 8)
    failed: list[BaseException] = []
    declared = town.write()

    def guarded(work: Callable[[], object]) -> None:
        try:
            work()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=guarded, args=(work,)) for work in (town.clean, town.clean, lambda: town.run("d", declared))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == [] and all(town.parquet(n) == [] for n in "abcd") and town.keys() == []
    assert len(town.query("SELECT * FROM person")) == 500


def test_clean_drops_what_was_kept_for_an_undo_and_forgets_keys_whose_staging_is_gone(town: Town) -> None:
    keep = "switch: {keep_old: 0m}\nstaging: {keep: 0m}"
    town.run("r1", town.write(keep))
    town.run("r2", town.write(keep))  # keeps the tables of r1
    town.run("r3", town.write(keep), stop_before_switch=True)
    town.area("r3").delete()
    kept = "SELECT table_name FROM duckdb_tables() WHERE schema_name LIKE 'penstock_old%' OR table_name LIKE 'penstock_old%'"
    there = town.query(kept)
    found = town.clean()
    assert town.keys() == [] and [(r.run, r.files) for r in found.runs] == [("r3", 0)]
    assert town.query(kept) == [] and bool(there) == bool(found.statements)


def test_a_target_that_was_never_made_is_not_made_by_cleaning(town: Town) -> None:
    assert town.clean() == clean.Cleaned((), ()) and not (town.folder / "town.duckdb").exists()


def test_all_of_it_works_on_what_is_no_local_disk(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on an object store: no rename, no modes. A folder of this machine stands for the bucket."""
    whole = staging.of

    def elsewhere(root: str, migration: str, run_id: str) -> staging.Staging:
        area = whole(root, migration, run_id)
        bucket = pafs.PyFileSystem(pafs.FSSpecHandler(LocalFileSystem(auto_mkdir=True)))
        return staging.Staging(bucket, area.path, area.url)

    monkeypatch.setattr(staging, "of", elsewhere)
    town.run(stop_before_switch=True)
    assert [f for f in town.parquet() if "person" in f] and town.leaks() == []
    town.age("r1", 24 * 8)
    assert [(r.run, r.files) for r in town.clean().runs] == [("r1", 3)] and town.parquet() == [] and town.keys() == []


# ---- encrypted files


def encrypted(folder: Path, content: bytes, key: bytes) -> Path:
    with pafs.LocalFileSystem().open_output_stream(str(folder / "x")) as stream, encrypted_files.encrypting(stream, key) as out:
        for start in range(0, len(content), 100_003):
            out.write(content[start : start + 100_003])
    return folder / "x"


def opened(file: Path, key: bytes) -> Any:
    return encrypted_files.decrypting(pafs.LocalFileSystem().open_input_file(str(file)), key)


@pytest.mark.parametrize("size", [0, 1, SEGMENT - 1, SEGMENT, SEGMENT + 1, 3 * SEGMENT, 3 * SEGMENT + 17])
def test_an_encrypted_file_is_read_from_any_place_and_each_change_is_found(size: int, tmp_path: Path) -> None:
    content, key = os.urandom(size), os.urandom(32)
    file = encrypted(tmp_path, content, key)
    whole = file.read_bytes()
    assert encrypted_files.plain_size(len(whole)) == size and opened(file, key).read() == content
    for place in {0, size // 3, max(0, size - 1), min(size, SEGMENT - 1), min(size, SEGMENT)}:
        assert opened(file, key).read_at(SEGMENT + 9, place) == content[place : place + SEGMENT + 9]
    segment = SEGMENT + 16
    header, body = whole[: encrypted_files.HEADER], whole[encrypted_files.HEADER :]
    changed = [whole[:n] + bytes([whole[n] ^ 1]) + whole[n + 1 :] for n in (0, 9, len(header) - 1, len(header), len(whole) - 1)]
    changed += [whole[:-1], whole + b"x", header, b""]
    if size > SEGMENT:  # cut off behind a segment; two of them exchanged; one twice
        changed += [
            header + body[:segment],
            header + body[segment : 2 * segment] + body[:segment] + body[2 * segment :],
            header + body[:segment] * 2,
        ]
    for other in changed:
        file.write_bytes(other)
        with pytest.raises((StagingLocked, pa.ArrowInvalid, OSError)):
            opened(file, key).read()
    file.write_bytes(whole)
    with pytest.raises(StagingLocked):
        opened(file, os.urandom(32)).read()


_VALUES = st.one_of(st.none(), st.text(max_size=40), st.sampled_from(["", "\0", "é", "名前" * 9, "~", "\\N"]))


@settings(max_examples=40, deadline=None)
@given(
    texts=st.lists(_VALUES, max_size=60),
    name=st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=20),
    many=st.integers(1, 3),
)
def test_encrypted_rows_come_back_byte_for_byte_whatever_the_table_is(
    texts: list[str | None], name: str, many: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    binary = [None if t is None else t.encode() * many for t in texts]
    schema = pa.schema(
        [("id", pa.int64()), (name if name != "id" else "other", pa.string()), ("b", pa.binary()) if name != "b" else ("c", pa.binary())]
    )
    batch = pa.record_batch(
        [pa.array(range(len(texts)), pa.int64()), pa.array(texts, pa.string()), pa.array(binary, pa.binary())], schema=schema
    )
    area = staging.of(str(tmp_path_factory.mktemp("rows")), "m", "r")
    area = area.protected(Protection(frozenset({folder(name)}), b"k" * 32))
    file = run_files.rows("extracted", name, 0, 1)
    with area.parquet(schema, file) as staged:
        for _ in range(many):
            staged.writer.write_batch(batch)
    assert pa.Table.from_batches(area.batches(file), schema=schema) == pa.Table.from_batches([batch] * many, schema=schema)
    stored = Path(area.at(file)).read_bytes()
    assert stored.startswith(encrypted_files.MAGIC) and not any(t.encode() in stored for t in texts if t and len(t.encode()) > 8)
