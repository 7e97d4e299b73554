"""The pages of a run as Airflow serves them: found by the run's own word, downloaded as files, old attempts beside the current one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.servers.airflow import Airflow, api, filled, login


@pytest.fixture(scope="module")
def moved(airflow_installed: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Airflow, Any, Any]]:
    """The shop moved, and then undone."""
    with pytest.MonkeyPatch.context() as settings:
        airflow = filled(tmp_path_factory.mktemp("routes"), settings)
        yield airflow, airflow.run("shop_plain"), airflow.run("shop_plain__undo")


def get(run: Any, page: str, user: str = "admin") -> Any:
    place = f"/penstock/dags/{run.dag_id}/runs/{quote(run.run_id, safe='')}/{page}"
    return api().get(place, headers=login(), follow_redirects=False)


def test_the_report_leads_to_tables_and_gates_that_are_there(moved: tuple[Airflow, Any, Any]) -> None:
    _, run, _ = moved
    assert get(run, "report").status_code == 200
    for page in ("tables?name=log", "tables?name=nothing", "gates/extracted", "gates/loaded", "gates/loaded?page=2"):
        answer = get(run, page)
        assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/html"), page
    for page in ("tables?name=nobody", "tables?name=../log", "gates/transformed", "gates/..%2floaded", "report?attempt=2"):
        assert get(run, page).status_code == 404, page
    for page in ("tables", "report?attempt=0", "report?attempt=x", "gates/loaded?page=0"):
        assert get(run, page).status_code == 422, page


def test_the_report_is_downloaded_as_the_files_that_the_run_has_written(moved: tuple[Airflow, Any, Any]) -> None:
    airflow, run, _ = moved
    staged = airflow.staged(run, "shop_plain")
    for name, kind in (("report.html", "text/html"), ("report.json", "application/json")):
        answer = get(run, name)
        assert answer.text == staged.read_text(name) and answer.headers["content-type"].startswith(kind)
        told = answer.headers["content-disposition"]
        assert told.startswith("attachment; filename*=UTF-8''shop_plain%20") and told.endswith(name.rpartition(".")[2])
        assert "\n" not in told and '"' not in told


def test_progress_says_how_far_a_run_is_and_when_its_page_is_old(moved: tuple[Airflow, Any, Any]) -> None:
    _, run, _ = moved
    found = get(run, "progress?seen=running").json()
    assert found["changed"] and found["progress"]["fraction"] == 1.0 and "data-progress" in found["html"]
    assert not get(run, "progress?seen=ended").json()["changed"]


def test_an_undo_has_a_report_of_its_own(moved: tuple[Airflow, Any, Any]) -> None:
    _, run, undo = moved
    page = get(undo, "report").text
    assert "what the undo did" in page and run.run_id in page.replace("&#43;", "+").replace("&#58;", ":")
    assert get(undo, "report.json").json()["kind"] == "undo"
    assert get(run, "report.json").json()["undo"]["asked"]["run"] == undo.run_id
    for page in ("tables?name=log", "gates/loaded"):
        assert get(undo, page).status_code == 404


def test_a_run_cleared_after_its_switch_shows_its_last_attempt_and_leads_to_the_first(moved: tuple[Airflow, Any, Any]) -> None:
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session

    airflow, run, _ = moved
    first = airflow.staged(run, "shop_plain")
    second = first.of_run(f"{run.run_id}~2")
    second.write_json({"of": run.run_id, "attempt": 2}, "attempt.json")
    second.write_json(first.read_json("report.json") | {"headline": "the second attempt"}, "report.json")
    with create_session() as session:
        XComModel.set(key="staging", value=second.url, dag_id=run.dag_id, task_id="preflight", run_id=run.run_id, session=session)
    current, earlier = get(run, "report").text, get(run, "report?attempt=1").text
    assert "the second attempt" in current and "the second attempt" not in earlier
    assert "report?attempt=1" in current and "tables?name=log&amp;attempt=1" in earlier
    assert get(run, "tables?name=log&attempt=1").status_code == 200
    assert get(run, "report?attempt=3").status_code == 404


def test_a_dag_that_is_no_migration_has_no_report(moved: tuple[Airflow, Any, Any]) -> None:
    assert api().get("/penstock/dags/shop_plain/runs/another/report", headers=login()).status_code == 404


def test_a_second_undo_is_refused_in_words_and_not_with_an_empty_page(moved: tuple[Airflow, Any, Any]) -> None:
    airflow, run, _ = moved
    again = airflow.run("shop_plain__undo")
    answer = get(again, "report")
    text = answer.text.replace("&#43;", "+").replace("&#58;", ":")
    assert again.state == "failed" and answer.status_code == 200 and "undo failed" in text
    assert "The last switch of shop_plain is undone already" in text and f"it was of the run {run.run_id}" in text
    assert get(again, "report.json").json()["failure"]["fix"] == "" and get(again, "progress?seen=ended").status_code == 200


def test_an_undo_of_a_run_that_staging_does_not_have_says_so(moved: tuple[Airflow, Any, Any]) -> None:
    airflow, _, _ = moved
    for kind in ("undo", "repair"):
        refused = airflow.run(f"shop_plain__{kind}", run="no_such_run")
        answer = get(refused, "report")
        assert refused.state == "failed" and answer.status_code == 200 and "no_such_run has no plan in staging" in answer.text, kind


@pytest.mark.parametrize("dag_id", ["shop_plain", "shop_plain__undo", "shop_plain__repair"])
def test_a_run_that_waits_to_begin_has_a_page(moved: tuple[Airflow, Any, Any], registered: None, dag_id: str) -> None:
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import insert, update

    from tests.support.data.many_runs import run

    _, done, _ = moved
    waiting = run(dag_id, 0, False) | {"state": "queued", "start_date": None, "end_date": None, "conf": {"run": done.run_id}}
    with create_session() as session:
        session.execute(insert(DagRun.__table__), [waiting])
    place = f"/penstock/dags/{dag_id}/runs/{quote(waiting['run_id'], safe='')}"
    for state, seen, words in (
        ("queued", "queued", "queued"),
        ("running", "running", "is running"),
        ("failed", "ended", "without a report"),
    ):
        with create_session() as session:
            session.execute(update(DagRun).where(DagRun.run_id == waiting["run_id"]).values(state=state))
        answer = api().get(f"{place}/report", headers=login())
        assert answer.status_code == 200 and words in answer.text, state
        assert not api().get(f"{place}/progress?seen={seen}", headers=login()).json()["changed"]
        assert ("data-progress" in answer.text) == (state != "failed")
    for page in ("report.json", "tables?name=log", "gates/loaded"):
        assert api().get(f"{place}/{page}", headers=login()).status_code == 404


@pytest.fixture(scope="module")
def registered(airflow_installed: None) -> None:
    """The DAGs with their tags in Airflow's tables, as its DAG processor writes them."""
    from airflow.models.dag import DagModel, DagTag
    from airflow.models.dagbundle import DagBundleModel
    from airflow.utils.session import create_session

    with create_session() as session:
        if session.get(DagBundleModel, "dags-folder") is None:
            session.add(DagBundleModel(name="dags-folder"))
            session.flush()
        for dag_id, kind in (("shop_plain", "migration"), ("shop_plain__undo", "undo"), ("shop_plain__repair", "repair")):
            if (dag := session.get(DagModel, dag_id)) is None:
                dag = DagModel(dag_id=dag_id, bundle_name="dags-folder", is_stale=False, is_paused=False, max_active_tasks=1)
                session.add(dag)
                session.flush()
            kept = {tag.name for tag in session.query(DagTag).filter(DagTag.dag_id == dag_id)}
            session.add_all(DagTag(dag_id=dag_id, name=name) for name in {"penstock", kind} - kept)
