"""Rows that can't be carried are set apart, each with its reason, and none of the others is lost with them; the proof covers both."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from penstock.cli.commands import main
from penstock.errors import BadValues, GateClosed, LoadFailed, RowsRefused, StagingDamaged, SwitchRefused, TooManyBadRows
from penstock.stages import prove
from penstock.stages.switch import switch
from penstock.state import evidence, quarantine, recorded, staged_rows
from tests.support.data.bad_rows import Move, sqlite

DDL = "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, u UUID, n TEXT NOT NULL);"
GOOD = "00000000-0000-4000-8000-000000000000"


def mixed(count: int = 300) -> list[tuple[object, ...]]:
    """Rows, of which each tenth has no UUID where one belongs, and each fifteenth no number."""
    return [(i, f"n{i}", f"odd {i}" if i % 10 == 0 else GOOD, "x" if i % 15 == 0 else str(i)) for i in range(1, count + 1)]


def books_balance(move: Move) -> None:
    proof = move.proof()
    assert proof["holds"] and proof["rows_read"] == proof["rows"] + proof["rejected"] + proof["filtered"]
    folder = Path(move.root) / "bad" / "r1"
    receipts = [json.loads(f.read_text()) for stage in ("extracted", "transformed") for f in folder.glob(f"{stage}/t/*/*.json")]
    receipts += [json.loads(r[0]) for r in move.rows("SELECT receipt FROM penstock_receipts WHERE table_name = 't'")]
    assert {r["stage"] for r in receipts} >= {"extracted", "loaded", "proved"}
    for receipt in receipts:
        assert receipt["rows_in"] == receipt["rows"] + receipt["rejected"] + receipt["filtered"], receipt


def test_what_the_target_can_t_hold_is_in_quarantine_and_all_else_is_loaded(tmp_path: Path) -> None:
    move = sqlite(tmp_path, DDL, mixed())
    move.run(move.write(chunk="4KiB"))
    bad = {i for i in range(1, 301) if i % 10 == 0}
    assert [r[0] for r in move.rows()] == [i for i in range(1, 301) if i not in bad]
    found = move.quarantined()
    assert {(r["key"], r["column"], r["value"]) for r in found} == {(f"id={i}", "u", f"odd {i}") for i in bad}
    assert {(r["table"], r["stage"], r["reason"]) for r in found} == {("t", "loaded", "not a UUID in small letters")}
    assert sorted(r["row"]["name"] for r in found) == sorted(f"n{i}" for i in bad)
    books_balance(move)
    assert move.report()["quarantine"][0]["groups"][0]["rows"] == sum(1 for r in found if r["chunk"] == 0) or len(found) == 30
    assert sum(g["rows"] for q in move.report()["quarantine"] for g in q["groups"]) == 30


def test_what_a_step_can_t_be_applied_to_is_kept_as_the_source_gave_it(tmp_path: Path) -> None:
    move = sqlite(tmp_path, DDL, mixed())
    steps = [{"rename": {"n": "number"}}, {"cast": {"number": "int32"}}, {"filter": "id <= 200"}]
    move.run(move.write({"t": {"transform": steps}}))
    found = {r["row"]["id"]: r for r in move.quarantined()}
    text = {i for i in range(1, 301) if i % 15 == 0}
    uuid = {i for i in range(1, 201) if i % 10 == 0} - text  # the filter comes before the target
    assert set(found) == text | uuid
    assert {(found[i]["column"], found[i]["value"], found[i]["reason"]) for i in text} == {("n", "x", "number can't be cast to int32")}
    assert {(found[i]["column"], found[i]["value"]) for i in uuid} == {("u", f"odd {i}") for i in uuid}
    assert [r[0] for r in move.rows()] == [i for i in range(1, 201) if i not in found]
    assert {r["stage"] for r in found.values()} == {"transformed"}
    books_balance(move)


@pytest.mark.parametrize(
    "step",
    [
        {"derive": {"twice": "CAST(n AS INTEGER) * 2"}},
        {"filter": "CAST(n AS INTEGER) > 0"},
        {"python": {"call": "tests.support.data.bad_rows_steps:numbers", "columns": {"twice": "int64"}}},
    ],
    ids=["derive", "filter", "python"],
)
def test_steps_that_can_t_say_which_rows_are_halved_until_they_are_single(step: dict[str, object], tmp_path: Path) -> None:
    move = sqlite(tmp_path, DDL, [(i, None, None, "x" if i in (3, 4, 250) else str(i)) for i in range(1, 301)])
    move.run(move.write({"t": {"transform": [step]}}))
    assert [r["row"]["id"] for r in move.quarantined()] == [3, 4, 250]
    assert [r[0] for r in move.rows()] == [i for i in range(1, 301) if i not in (3, 4, 250)]
    books_balance(move)


def test_what_only_the_target_finds_is_isolated_by_halving(tmp_path: Path) -> None:
    rows = [(i, "{" if i in (7, 8, 190) else json.dumps({"i": i})) for i in range(1, 301)]
    move = sqlite(tmp_path, "CREATE TABLE t (id INTEGER PRIMARY KEY, j JSON);", rows)
    move.run(move.write(chunk="8KiB"))
    found = move.quarantined()
    assert [r["row"]["id"] for r in found] == [7, 8, 190]
    assert all("JSON" in r["reason"] and r["row"]["j"] == "{" for r in found)
    assert [r[0] for r in move.rows()] == [i for i in range(1, 301) if i not in (7, 8, 190)]
    books_balance(move)


@pytest.mark.parametrize("fields", [{}, {"bad_rows": {"action": "quarantine", "at_most": 5}}], ids=["table", "both"])
def test_a_table_can_stop_at_its_first_bad_row_while_others_go_on(fields: dict[str, object], tmp_path: Path) -> None:
    move = sqlite(tmp_path, DDL, mixed())
    with pytest.raises(RowsRefused) as stopped:
        move.run(move.write({"t": {"bad_rows": {"action": "stop"}}}, **fields))
    assert "table t, chunk 0" in stopped.value.where and "column u" in stopped.value.where and stopped.value.where.endswith("row id=10")
    assert not move.quarantined() and "t" not in tables(move)


def test_a_step_that_stops_the_run_names_the_row(tmp_path: Path) -> None:
    move = sqlite(tmp_path, DDL, mixed())
    with pytest.raises(BadValues) as stopped:
        move.run(move.write({"t": {"transform": [{"cast": {"n": "int32"}}]}}, bad_rows={"action": "stop"}))
    assert stopped.value.where == "table t, chunk 0, row id=15" and "'x'" in stopped.value.why


def tables(move: Move) -> set[str]:
    engine = sa.create_engine(move.target)
    found = set(sa.inspect(engine).get_table_names())
    engine.dispose()
    return found


def test_over_the_limit_the_run_stops_and_says_how_many_of_what(tmp_path: Path) -> None:
    move = sqlite(tmp_path, DDL, mixed())
    with pytest.raises(TooManyBadRows) as stopped:
        move.run(move.write(bad_rows={"action": "quarantine", "at_most": 29}))
    fault = stopped.value
    assert fault.rows == 30 and fault.at_most == 29 and fault.counts == (("t: u: not a UUID in small letters", 30),)
    assert "quarantine" in fault.where and not fault.retryable
    assert "t" not in tables(move) and len(move.quarantined()) == 30
    move.run(move.write(bad_rows={"action": "quarantine", "at_most": 30}))
    assert len(move.rows()) == 270


def test_the_limit_counts_all_tables_and_all_stages_of_the_run(tmp_path: Path) -> None:
    move = sqlite(tmp_path, DDL, mixed(100))
    move.tell("CREATE TABLE s (id INTEGER PRIMARY KEY, n TEXT)", "INSERT INTO s VALUES (1, 'x'), (2, '2'), (3, 'y')")
    said = {"s": {"transform": [{"cast": {"n": "int32"}}]}}
    with pytest.raises(TooManyBadRows) as stopped:
        move.run(move.write(said, bad_rows={"action": "quarantine", "at_most": 11}))
    assert stopped.value.rows == 12 and dict(stopped.value.counts) == {
        "t: u: not a UUID in small letters": 10,
        "s: n: n can't be cast to int32": 2,
    }
    own = {"s": said["s"] | {"bad_rows": {"action": "quarantine", "at_most": 1}}}
    with pytest.raises(TooManyBadRows) as stopped:
        move.run(move.write(own))
    assert stopped.value.rows == 2 and stopped.value.at_most == 1 and "of s " in stopped.value.what


def test_rows_that_meet_under_one_key_are_refused_not_quarantined(tmp_path: Path) -> None:
    move = sqlite(tmp_path, "CREATE TABLE t (id INTEGER PRIMARY KEY, k TEXT UNIQUE);", [(i, f"k{i}") for i in range(20)])
    with pytest.raises(LoadFailed) as refused:
        move.run(move.write({"t": {"transform": [{"map": {"k": {"k3": "k4"}}}]}}))
    assert "k4" in refused.value.why and not isinstance(refused.value, RowsRefused)
    assert not move.quarantined()


def test_no_list_and_no_report_shows_a_sensitive_value_but_the_encrypted_file_keeps_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ddl = "CREATE TABLE t (code TEXT PRIMARY KEY, u UUID, j JSON);"
    rows = [("s3cret-key", "s3cret-uuid", "{}"), ("s3cret-too", GOOD, "{s3cret-json")]
    move = sqlite(tmp_path, ddl, rows)
    migration = move.write({"t": {"sensitive": ["code", "u", "j"]}})
    area = staged_rows.ready(move.run(migration), quarantine=True).staging
    held = [b for m in quarantine.manifests(area, "t") for b in area.batches(m.file)]
    assert sorted(v for b in held for v in b.column("value").to_pylist()) == ["s3cret-uuid", "{s3cret-json"]
    for flags in ([], ["--json"]):
        assert main(["quarantine", str(migration.path), "--staging", move.root, *flags]) == 0
    told = capsys.readouterr().out + (Path(move.root) / "bad/r1/report.html").read_text() + json.dumps(move.report())
    assert "(sensitive)" in told and "not a UUID" in told and "s3cret" not in told


def test_a_keyless_table_loses_each_bad_row_as_often_as_it_is_there(tmp_path: Path) -> None:
    rows = [("a", GOOD), ("b", "odd"), ("b", "odd"), ("a", GOOD), ("c", None), ("b", "odd")]
    move = sqlite(tmp_path, "CREATE TABLE t (name TEXT, u UUID);", rows)
    move.run(move.write())
    assert sorted(r[0] for r in move.rows()) == ["a", "a", "c"]
    assert [(r["key"], r["row"]["name"]) for r in move.quarantined()] == [("", "b")] * 3
    books_balance(move)


@settings(max_examples=12, deadline=None, phases=[Phase.generate])  # a whole run each: shrinking would take minutes
@given(data=st.data())
def test_what_is_loaded_and_what_is_quarantined_is_the_source_whatever_is_bad(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    tmp_path = tmp_path_factory.mktemp("property")
    value = {
        "u UUID": st.sampled_from([GOOD, None, "odd", GOOD.upper(), ""]),
        "j JSON_TEXT": st.sampled_from(["{}", None, "{", "[1", "3", ""]),
        "n TEXT": st.sampled_from(["1", None, "x", "99999999999", "", "-7"]),
        "r REAL": st.none() | st.floats(allow_nan=False),
    }
    columns = data.draw(st.lists(st.sampled_from(sorted(value)), min_size=1, unique=True))
    rows = data.draw(st.lists(st.tuples(*(value[c] for c in columns)), max_size=40))
    keyed = data.draw(st.booleans())
    ddl = f"CREATE TABLE t ({'id INTEGER PRIMARY KEY, ' if keyed else ''}{', '.join(columns)});"
    rows = [(i, *row) for i, row in enumerate(rows, 1)] if keyed else rows
    move = sqlite(tmp_path, ddl, rows)
    steps = [{"cast": {"n": "int32"}}] if "n TEXT" in columns and data.draw(st.booleans()) else []
    move.run(move.write({"t": {"transform": steps}}, chunk="1KiB"))
    names = [c.partition(" ")[0] for c in ["id", *columns] if keyed or c != "id"]
    kept = [tuple(str(v) if n == "n" and v is not None else v for n in names for v in [r["row"][n]]) for r in move.quarantined()]
    loaded = move.rows(f"SELECT {', '.join(n if n in ('id', 'r') else f'CAST({n} AS VARCHAR)' for n in names)} FROM t")
    assert Counter(map(repr, kept + loaded)) == Counter(map(repr, rows))
    assert move.proof()["rejected"] == len(kept)


def test_a_quarantine_that_was_changed_closes_the_proof_and_the_switch(tmp_path: Path) -> None:
    move = sqlite(tmp_path, DDL, mixed(50))
    session = move.run(move.write(), stop_before_switch=True)
    file = next((Path(move.root) / "bad/r1/quarantine/t").glob("*.parquet"))
    whole = file.read_bytes()
    pq.write_table(pq.read_table(file).slice(1), file)
    with pytest.raises(StagingDamaged):
        switch.switch(session)
    with pytest.raises(StagingDamaged):
        prove.prove(session)
    # and one who writes a manifest to match is found by the receipt
    manifest = file.with_suffix(".json")
    record = json.loads(manifest.read_text())
    record |= {"sha256": session.staging.sha256(record["file"]), "rows": 4}
    manifest.write_text(json.dumps(record))
    with pytest.raises(GateClosed) as closed:
        prove.prove(session)
    assert "quarantine" in str(closed.value)
    file.write_bytes(whole)


def test_a_row_lost_beside_the_quarantined_ones_is_named_alone(tmp_path: Path) -> None:
    move = sqlite(tmp_path, DDL, mixed(50))
    session = move.run(move.write(), stop_before_switch=True)
    shadow = session.plan.table("t").shadow
    move.tell(f'DELETE FROM "{shadow.name}" WHERE id = 7', end="target")
    with pytest.raises(GateClosed) as closed:
        prove.prove(session)
    assert "row id=7 is missing" in str(closed.value) and "id=10" not in str(closed.value)


def test_a_switch_approved_on_another_number_of_bad_rows_is_refused(tmp_path: Path) -> None:
    move = sqlite(tmp_path, DDL, mixed(50))
    session = move.run(move.write(switch={"approval": True}), stop_before_switch=True)
    recorded.write(session, evidence.APPROVAL, evidence.Approval(True, "Approve", "x", "", rejected=0))
    with pytest.raises(SwitchRefused) as refused:
        switch.switch(session)
    assert "quarantine" in refused.value.what
    session.staging.remove("approval.json")
    move.run(move.write(switch={"approval": True}), approve=lambda _: (True, "somebody"))
    kept = json.loads(move.rows("SELECT evidence FROM penstock_switches")[0][0])
    assert kept["rejected"][0]["rows"] == 5 and kept["approval"]["rejected"] == 5
