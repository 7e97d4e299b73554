"""The operators under Airflow's own runner: whole runs of generated DAGs, SQLite to DuckDB."""

from __future__ import annotations

import inspect
import json
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb
import pytest
import sqlalchemy as sa

from penstock.state import staging
from tests.support.data.bad_rows import sqlite
from tests.support.servers.airflow import DAGS, HOME, MASK_KEY, STAGING, Airflow, api, filled, login

NAMES = [
    "PreflightOperator",
    "PlanOperator",
    "ExtractOperator",
    "TransformOperator",
    "PrepareOperator",
    "LoadOperator",
    "BuildOperator",
    "ValidateOperator",
    "ProveOperator",
    "ApproveOperator",
    "SwitchOperator",
    "VerifyOperator",
    "FinishOperator",
    "UndoOperator",
    "RepairOperator",
    "ReportOperator",
]


def operator(name: str) -> Any:
    """An operator's class; Airflow is imported here, not above: its environment must be set before."""
    from penstock_operators import approve, extract, load, plan, preflight, repair, report, switch, transform, undo, validate

    modules = (approve, extract, load, plan, preflight, repair, report, switch, transform, undo, validate)
    return next(getattr(m, name) for m in modules if hasattr(m, name))


@pytest.fixture(scope="module")
def moved(airflow_installed: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Airflow, Any]]:
    """One run of the whole shop, for tests that only look at it."""
    with pytest.MonkeyPatch.context() as settings:
        airflow = filled(tmp_path_factory.mktemp("moved"), settings)
        yield airflow, airflow.run("shop")


def test_run_moves_proves_and_switches_and_leaves_its_report(moved: tuple[Airflow, Any]) -> None:
    airflow, run = moved
    assert run.state == "success", airflow.states(run)
    assert set(airflow.states(run).values()) == {"success"}
    assert airflow.live() == {"customer": 40, "order": 79, 'item of "%s" order': 158, "log": 100, "nothing": 0}
    staged = airflow.staged(run, "shop")
    assert staged.exists("switch.json") and staged.exists("report.json") and "<html" in staged.read_text("report.html")


def test_mapped_tasks_are_named_by_their_tables(moved: tuple[Airflow, Any]) -> None:
    named = {t.task_id: t.rendered_map_index for t in moved[1].get_task_instances() if t.map_index >= 0}
    assert named["transform"] == "customer" and named["extract"].endswith(" and 4 more") and named["load"].endswith(" and 4 more")


def test_xcoms_are_small_and_hold_no_rows_and_no_secrets(moved: tuple[Airflow, Any]) -> None:
    airflow, run = moved
    text = json.dumps(list(airflow.xcoms(run).values()))
    assert len(text) < 10_000
    assert "O'Neil" not in text and "example.com" not in text and MASK_KEY not in text
    written = [f.read_bytes() for f in STAGING.rglob("*") if f.is_file() and f.suffix in (".json", ".html")]
    assert written and not any(MASK_KEY.encode() in content for content in written)


def test_receipts_say_how_many_rows_went_through(moved: tuple[Airflow, Any]) -> None:
    found = moved[0].xcoms(moved[1])
    places = [("extract", 0), ("load", 0), ("prove", -1)]
    assert [found[task, "return_value", index]["rows"] for task, index in places] == [377, 377, 377]


def test_report_is_served_to_the_logged_in_only(moved: tuple[Airflow, Any]) -> None:
    airflow, run = moved
    client = api()
    place = f"/penstock/dags/shop/runs/{run.run_id}/report"
    assert client.get(place).status_code == 401
    answer = client.get(place, headers=login())
    assert answer.status_code == 200 and airflow.staged(run, "shop").read_json("report.json")["headline"] in answer.text
    assert client.get("/penstock/dags/shop/runs/another/report", headers=login()).status_code == 404


def test_every_task_leads_to_its_part_of_the_report(moved: tuple[Airflow, Any]) -> None:
    _, run = moved
    client, led = api(), {}
    for task in run.get_task_instances():
        place = f"/api/v2/dags/shop/dagRuns/{run.run_id}/taskInstances/{task.task_id}/links?map_index={task.map_index}"
        led[task.task_id] = client.get(place, headers=login()).json()["extra_links"].get("Migration report")
    assert led.pop("outcome") is None
    base = f"/plugin/migrations/penstock/dags/shop/runs/{quote(run.run_id, safe='')}"
    assert led["transform"] == f"{base}/tables?name=customer" and led["extract"] == f"{base}/report#tables"
    assert led["gate_loaded"] == f"{base}/gates/loaded" and led["prove"] == f"{base}/report#proof" and led["report"] == f"{base}/report"
    pages = {place: client.get(place.removeprefix("/plugin/migrations"), headers=login()) for place in led.values()}
    assert {answer.status_code for answer in pages.values()} == {200}
    for place, answer in pages.items():
        assert "#" not in place or f'id="{place.partition("#")[2]}"' in answer.text, place


def test_report_task_tells_how_much_is_proven_and_the_migrations_page_shows_it(moved: tuple[Airflow, Any]) -> None:
    airflow, run = moved
    told = airflow.xcoms(run)["report", "return_value", -1]["coverage"]
    assert (told["proven"], told["of"]) == (5, 5) and told["as_of"] > str(run.start_date.isoformat())
    page = api().get("/penstock/dags/shop", headers=login()).text
    assert "Coverage" in page and "as of" in page and 'nothing</bdi></a> <span class="pill ok">proven' in page


def test_closed_gate_fails_the_run_and_switches_nothing(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> None:
    from penstock.stages import extract

    whole = extract.extract

    def lossy(session: Any, tables: Any) -> Any:
        """Another process eats rows of a staged file: the gate must see that they are not the ones its receipt counts."""
        receipts = whole(session, tables)
        import pyarrow.parquet as pq

        place = session.staging.local(next(r.file for r in receipts if r.table == "log"))
        pq.write_table(pq.read_table(place).slice(1), place)
        return receipts

    monkeypatch.setattr(extract, "extract", lossy)
    run = airflow.run("shop_plain")
    states = airflow.states(run)
    assert run.state == "failed"
    assert states["gate_extracted"] == "failed" and states["switch"] == "upstream_failed" and states["report"] == "success"
    assert airflow.live() == {}
    report = airflow.staged(run, "shop_plain")
    assert report.exists("report.html") and report.read_json("failure.json")["stage"] == "gate_extracted"


def test_preflight_refuses_with_every_problem_and_moves_nothing(airflow: Airflow) -> None:
    run = airflow.run("shop_missing")
    states = airflow.states(run)
    assert run.state == "failed" and states["preflight"] == "failed" and states["report"] == "success"
    found = airflow.staged(run, "shop_missing").read_json("report.json")["preflight"]
    assert [("no_such_table" in p["what"]) for p in found["problems"] if p["blocking"]] == [True]


def test_preflight_takes_a_sample_that_the_report_keeps(moved: tuple[Airflow, Any]) -> None:
    airflow, run = moved
    found = airflow.staged(run, "shop").read_json("report.json")["preflight"]
    assert any(line.startswith("time: about ") for line in found["lines"]) and not any(p["blocking"] for p in found["problems"])


def test_dry_run_plans_and_moves_nothing(airflow: Airflow) -> None:
    run = airflow.run("shop", dry_run=True)
    states = airflow.states(run)
    assert run.state == "success" and states["plan"] == "success" and states["extract"] == states["switch"] == "skipped"
    assert airflow.staged(run, "shop").exists("plan.json") and airflow.live() == {}


def test_stop_before_switch_proves_and_makes_nothing_live(airflow: Airflow) -> None:
    run = airflow.run("shop_plain", stop_before_switch=True)
    states = airflow.states(run)
    assert run.state == "success" and states["prove"] == "success" and states["switch"] == states["verify"] == "skipped"
    assert airflow.live() == {}


def test_run_can_be_limited_to_tables_without_transforms(airflow: Airflow) -> None:
    run = airflow.run("shop", tables=["log"])
    states = airflow.states(run)
    assert states["transform"] == "skipped" and states["gate_transformed"] == "success"
    assert run.state == "success" and airflow.live() == {"log": 100}


def test_chunk_size_of_the_run_cuts_the_tables(airflow: Airflow) -> None:
    run = airflow.run("shop", chunk="1KiB", dry_run=True)
    planned = airflow.staged(run, "shop").read_json("plan.json")
    assert max(len(t["chunks"]) for t in planned["tables"]) > 3


def test_undo_puts_the_old_tables_back(airflow: Airflow) -> None:
    assert airflow.run("shop_plain").state == "success"
    with sqlite3.connect(airflow.source) as source:
        source.execute("DELETE FROM log")
    second = airflow.run("shop_plain")
    assert second.state == "success" and airflow.live()["log"] == 0
    undone = airflow.run("shop_plain__undo")
    assert undone.state == "success" and airflow.live()["log"] == 100
    assert airflow.xcoms(undone)["undo", "return_value", -1]["run"] == second.run_id
    assert airflow.staged(second, "shop_plain").exists("undo.json")
    tab = api().get(f"/penstock/dags/shop_plain__undo/runs/{undone.run_id}/report", headers=login())
    assert tab.status_code == 200 and "The switch of the run" in tab.text and "restored" in tab.text
    listed = next(row for row in api().get("/penstock/dags/shop_plain", headers=login()).text.split("<tr><td") if second.run_id in row)
    assert "undone" in listed
    assert airflow.xcoms(undone)["undo", "return_value", -1]["coverage"]["proven"] == 2


def test_undo_without_a_switch_fails_at_once(airflow: Airflow) -> None:
    assert airflow.run("shop_plain__undo").state == "failed"


def test_approved_run_switches_and_its_evidence_names_who(airflow: Airflow) -> None:
    with airflow.answering("Approve", "shop_approved"):
        run = airflow.run("shop_approved")
    assert run.state == "success" and airflow.live() == {"log": 100}
    approval = airflow.staged(run, "shop_approved").read_json("approval.json")
    assert approval["approved"] and approval["by"] == "admin"


def test_who_approves_is_told_what_is_in_quarantine_and_no_value_of_it(airflow_installed: None, tmp_path: Path) -> None:
    operator("ApproveOperator")
    from penstock.reporting.approval import evidence

    rows = [("s3cret", "s3cret-uuid")] * 2 + [("open", None)]
    move = sqlite(tmp_path, "CREATE TABLE t (name TEXT, u UUID); CREATE TABLE k (id INTEGER PRIMARY KEY, u UUID);", rows)
    move.tell("INSERT INTO k VALUES (7, 'odd')")
    session = move.run(move.write({"t": {"sensitive": ["name", "u"]}}), stop_before_switch=True)
    told = evidence(session.staging.read_json("report.json"), 3600)
    assert "- t: 2 × u not a UUID in small letters" in told and "s3cret" not in told
    assert "- k: 1 × u not a UUID in small letters, for example `id=7`" in told


def test_rejected_run_is_red_switches_nothing_and_its_report_says_so(airflow: Airflow) -> None:
    with airflow.answering("Reject", "shop_approved"):
        run = airflow.run("shop_approved")
    states = airflow.states(run)
    assert run.state == "failed" and states["approve"] == "failed" and states["switch"] == "upstream_failed"
    assert airflow.live() == {}
    staged = airflow.staged(run, "shop_approved")
    assert not staged.read_json("approval.json")["approved"]
    assert "not approved" in staged.read_text("report.html")


def test_an_answer_is_the_same_evidence_in_airflow_and_on_the_command_line(airflow: Airflow, tmp_path: Path) -> None:
    from penstock.errors import NotApproved
    from penstock.migration.loader import load
    from tests.support.requests import ran

    ends = sa.make_url(f"sqlite:///{airflow.source}"), sa.make_url(f"duckdb:///{tmp_path}/by_hand.duckdb")
    where = (load(DAGS / "migrations" / "shop_approved.yaml"), "by hand", str(tmp_path / "staging"), *ends, tmp_path / "none")
    with pytest.raises(NotApproved):
        ran(*where, approve=lambda _: (False, "admin"))
    with airflow.answering("Reject", "shop_approved"):
        run = airflow.run("shop_approved")
    by_airflow, by_hand = airflow.staged(run, "shop_approved"), staging.of(str(tmp_path / "staging"), "shop_approved", "by hand")
    for file in ("approval.json", "failure.json"):
        assert untimed(by_airflow.read_json(file)) == untimed(by_hand.read_json(file))
    assert by_hand.read_json("failure.json")["stage"] == "approve"


def untimed(record: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key != "at"}


@pytest.mark.parametrize("name", NAMES)
def test_constructors_only_assign(name: str) -> None:
    """An operator can be made for a file that is not there, under a name that no connection has."""
    made = operator(name)
    own = {"group": {"label": "x", "chunks": []}, "stage": "loaded"}
    wanted = inspect.signature(made.__init__).parameters
    task = made(task_id="t", migration="/nowhere/at/all.yaml", staging_root="s3://nowhere", **{k: v for k, v in own.items() if k in wanted})
    assert (task.migration, task.staging_root) == ("/nowhere/at/all.yaml", "s3://nowhere")
    assert {"migration", "staging_root"} <= set(task.template_fields)


def test_faults_that_a_retry_can_help_are_tried_again_and_others_are_not() -> None:
    from airflow.sdk.exceptions import AirflowException, AirflowFailException

    from penstock.errors import ConnectionFailed, LoadFailed
    from penstock_operators.migration_operator import airflow_faults

    with pytest.raises(AirflowException, match="down for a minute") as again, airflow_faults():
        raise ConnectionFailed("down for a minute", fix="wait")
    assert not isinstance(again.value, AirflowFailException)
    with pytest.raises(AirflowFailException, match="fix: correct the rows"), airflow_faults():
        raise LoadFailed("a duplicate key", fix="correct the rows")


def test_missing_connection_is_named_with_its_fix(airflow: Airflow) -> None:
    from penstock.errors import UnknownConnection
    from penstock_operators.connections import url

    with pytest.raises(UnknownConnection, match="no connection nobody"):
        url("nobody")


def test_no_masked_value_is_in_any_artefact_of_a_run_that_has_ended(airflow: Airflow, capfd: pytest.CaptureFixture[str]) -> None:
    """Staging, reports, logs, XCom and the rest of Airflow's database, the journal: searched for every e-mail that the run has masked."""
    with sqlite3.connect(airflow.source) as db:
        emails = [e for (e,) in db.execute("SELECT email FROM customer WHERE email <> ''")]
    run = airflow.run("shop")
    assert run.state == "success" and len(emails) > 20
    told = capfd.readouterr()
    staged = [f for f in Path(airflow.staged(run, "shop").path).rglob("*") if f.is_file()]
    assert not [f for f in staged if ".parquet" in f.name], "the rows are removed, so no compressed page can hide a value"
    logs = [f for f in (HOME / "logs").rglob("*") if f.is_file()]
    with duckdb.connect(str(airflow.target)) as connection:
        names = [n for (n,) in connection.execute("SELECT table_name FROM duckdb_tables() WHERE table_name LIKE 'penstock_%'").fetchall()]
        assert "penstock_keys" in names
        journal = repr([connection.execute(f"SELECT * FROM {n}").fetchall() for n in names])
    files = [*staged, *logs, HOME / "airflow.db"]
    texts = {str(f): f.read_bytes() for f in files} | {"journal": journal.encode(), "output": (told.out + told.err).encode()}
    xcoms = json.dumps(list(airflow.xcoms(run).values()))
    assert len(staged) > 20 and "customer" in journal and len(xcoms) > 100 and len(told.out + told.err) > 1000
    found = [name for name, text in (texts | {"xcom": xcoms.encode()}).items() if any(e.encode() in text for e in emails)]
    assert found == []


def test_a_mask_without_a_key_is_refused_before_anything_is_extracted(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_PENSTOCK_MASK")
    run = airflow.run("shop")
    states = airflow.states(run)
    assert states["preflight"] == "failed" and states["extract"] == "upstream_failed"
    assert "penstock_mask" in airflow.staged(run, "shop").read_text("failure.json")


def test_cleaning_goes_on_past_a_migration_that_can_not_be_cleaned_and_names_it(airflow: Airflow, tmp_path: Path) -> None:
    from airflow.sdk.exceptions import AirflowException

    from penstock_operators.clean import CleanOperator

    run = airflow.run("shop_plain", stop_before_switch=True)
    area = airflow.staged(run, "shop_plain")
    assert run.state == "success" and [f for f in area.files() if f.path.endswith(".parquet")]
    for file in area.files():
        os.utime(file.path, (0, 0))
    (tmp_path / "files").mkdir()
    for name, target in (("a_lost", "nobody_knows"), ("shop_plain", "shop_target")):
        (tmp_path / "files" / f"{name}.yaml").write_text(f"name: {name}\nsource: shop_source\ntarget: {target}\n")
    task = CleanOperator(task_id="clean", folder=str(tmp_path / "files"), staging_root=str(STAGING))
    with pytest.raises(AirflowException, match=r"not cleaned: a_lost\.yaml"):
        task.cleaned({"params": {}})
    assert [f for f in area.files() if f.path.endswith(".parquet")] == [] and area.exists("report.json")
    (tmp_path / "files" / "a_lost.yaml").unlink()
    assert task.cleaned({"params": {}}) == {"shop_plain": {"runs": 0, "files": 0, "bytes": 0, "statements": 0}}
