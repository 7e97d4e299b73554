"""Bad rows between servers: what each can't hold, found by its sieve or refused by it; and runs killed while they look for them."""

from __future__ import annotations

import json
import signal
from collections import Counter
from pathlib import Path

import pytest
import sqlalchemy as sa

from penstock.databases.postgresql import DATABASE as postgresql
from penstock.errors import RowsRefused
from tests.scenarios.test_kill import Start, start
from tests.support.data.bad_rows import Move, sqlite

__all__ = ["start"]
GOOD = "00000000-0000-4000-8000-000000000000"


def found(move: Move) -> dict[int, tuple[str, str | None]]:
    """Column and value of each quarantined row, by its id."""
    return {r["row"]["id"]: (r["column"], r["value"]) for r in move.quarantined()}


@pytest.mark.parametrize("sieved", [True, False], ids=["sieve", "halving"])
def test_mariadb_to_postgresql_by_the_sieve_and_without_it(
    sieved: bool, tmp_path: Path, mariadb_url: sa.URL, postgresql_url: sa.URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    move = Move(tmp_path, mariadb_url, postgresql_url)
    move.tell(
        "CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(40), size ENUM('s', 'm'), born DATE)",
        "INSERT INTO t SELECT seq, concat('n', seq), 'm', '2001-02-03' FROM seq_1_to_3000",
        "SET sql_mode = ''",
        "UPDATE t SET name = concat('a', char(0), 'b') WHERE id IN (5, 6, 1500, 2999)",
        "UPDATE t SET size = 'xl' WHERE id IN (7, 2000)",
    )
    if not sieved:
        monkeypatch.setattr(postgresql, "column_checks", lambda _: [])
    move.run(move.write(chunk="32KiB"))
    bad = found(move)
    names, sizes = dict.fromkeys((5, 6, 1500, 2999), ("name", "a\0b")), dict.fromkeys((7, 2000), ("size", ""))
    assert bad == names | (sizes if sieved else dict.fromkeys((7, 2000), ("", None)))
    reasons = Counter(r["reason"] for r in move.quarantined())
    assert sorted(reasons.values()) == [2, 4]
    assert all(("NUL" in r or "label" in r) if sieved else ("0x00" in r or "check constraint" in r) for r in reasons)
    assert [r[0] for r in move.rows()] == [i for i in range(1, 3001) if i not in bad]
    assert move.proof()["holds"] and move.proof()["chunks"] > 1


def test_postgresql_to_mariadb(tmp_path: Path, mariadb_url: sa.URL, postgresql_url: sa.URL) -> None:
    move = Move(tmp_path, postgresql_url, mariadb_url)
    move.tell(
        "CREATE TABLE t (id int PRIMARY KEY, r float8, at timestamptz, k text)",
        "INSERT INTO t SELECT n, n / 3.0, '2001-02-03 04:05:06+00', 'k' || n FROM generate_series(1, 2000) AS n",
        "UPDATE t SET r = 'NaN' WHERE id = 3",
        "UPDATE t SET r = '-Infinity' WHERE id = 1999",
        "UPDATE t SET at = '1969-12-31' WHERE id = 4",
        "UPDATE t SET at = '2040-01-01' WHERE id IN (5, 6)",
        "UPDATE t SET k = repeat('long', 100) WHERE id = 7",
        "CREATE INDEX k ON t (k)",
    )
    move.run(move.write(chunk="32KiB"))
    bad = found(move)
    assert {i: c for i, (c, _) in bad.items()} == {3: "r", 1999: "r", 4: "at", 5: "at", 6: "at", 7: "k"}
    assert [r[0] for r in move.rows()] == [i for i in range(1, 2001) if i not in bad]
    assert all("nan" not in r["reason"] and "2040" not in r["reason"] for r in move.quarantined())


def test_values_that_can_t_be_read_as_what_they_are_go_to_quarantine_by_way_of_their_text(
    tmp_path: Path, mariadb_url: sa.URL, postgresql_url: sa.URL
) -> None:
    move = Move(tmp_path, mariadb_url, postgresql_url)
    move.tell(
        "SET sql_mode = ''",
        "CREATE TABLE t (id INT PRIMARY KEY, born DATE, slept TIME)",
        "INSERT INTO t SELECT seq, '2001-02-03', '12:00:00' FROM seq_1_to_500",
        "UPDATE t SET born = '0000-00-00' WHERE id IN (5, 300)",
        "UPDATE t SET slept = '838:59:59' WHERE id = 6",
    )
    steps = [{"cast": {"born": "string", "slept": "string"}}, {"cast": {"born": "date", "slept": "time"}}]
    move.run(move.write({"t": {"transform": steps}}))
    assert found(move) == {5: ("born", "0000-00-00"), 300: ("born", "0000-00-00"), 6: ("slept", "838:59:59")}
    assert len(move.rows()) == 497


def test_a_row_refused_by_mariadb_stops_the_run_by_its_key(tmp_path: Path, mariadb_url: sa.URL) -> None:
    move = sqlite(tmp_path, "CREATE TABLE t (id INTEGER PRIMARY KEY, r REAL);", [(i, 1e999 if i == 77 else i) for i in range(100)])
    move = Move(tmp_path, move.source, mariadb_url)
    with pytest.raises(RowsRefused) as stopped:
        move.run(move.write(bad_rows={"action": "stop"}))
    assert "row id=77" in stopped.value.where and "column r" in stopped.value.where and "chunk 0" in stopped.value.where


@pytest.mark.parametrize(
    ("to", "event"),
    [("duckdb", "quarantine.written"), ("duckdb", "load.batch"), ("postgresql", "load.attempted"), ("mariadb", "quarantine.written")],
)
def test_killed_run_ends_with_the_same_rows_and_the_same_quarantine(
    to: str, event: str, start: Start, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    rows = [(i, "odd" if i % 50 == 0 else GOOD, "x" if i % 70 == 0 else str(i)) for i in range(1, 401)]
    refused = {"duckdb": ("j JSON", "{"), "postgresql": ("j JSON", "{"), "mariadb": ("j TEXT", "y" * 300)}[to]
    columns = f"id INTEGER PRIMARY KEY, u UUID, n TEXT, {refused[0]}"
    ddl = f"CREATE TABLE t ({columns}); CREATE TABLE plain ({columns});" + (" CREATE INDEX j ON t (j);" if to == "mariadb" else "")
    move = sqlite(tmp_path, ddl, [(*row, refused[1] if row[0] in (33, 34, 333) else f'{{"n": {row[0]}}}') for row in rows])
    if to != "duckdb":
        move = Move(move.folder, move.source, request.getfixturevalue(f"{to}_url"))
    move.tell("INSERT INTO plain SELECT * FROM t")
    migration = move.write({"t": {"transform": [{"cast": {"n": "int32"}}]}}, chunk="16KiB")
    shop = _Killable(migration.path, tmp_path)
    assert start(shop, event, 1) == -signal.SIGKILL, f"{event} never happened"  # type: ignore[arg-type]
    start(shop, event, 3)  # type: ignore[arg-type]
    assert start(shop, "none", 1) == 0  # type: ignore[arg-type]
    text, label = {i for i in range(1, 401) if i % 70 == 0}, {33, 34, 333}
    uuid = {i for i in range(1, 401) if i % 50 == 0} if to != "mariadb" else set()
    bad = text | label | uuid
    assert sorted(r["row"]["id"] for r in move.quarantined()) == sorted(bad)
    assert [r[0] for r in move.rows()] == [i for i in range(1, 401) if i not in bad]
    if to != "mariadb":
        assert sorted(r["row"]["id"] for r in move.quarantined("plain")) == sorted(label | uuid)
    proof = json.loads((tmp_path / "staging" / "bad" / "r1" / "proof.json").read_text())
    assert all(p["holds"] for p in proof) and next(p for p in proof if p["table"] == "t")["rejected"] == len(bad)


class _Killable:
    """What tests/support/kill_at.py needs to know of a migration."""

    def __init__(self, file: Path, folder: Path) -> None:
        self.file, self.folder = file, folder
