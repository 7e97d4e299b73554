"""The DAGs: made from files, parsed without a connection and without heavy imports, gates that can't be passed by."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from penstock.migration.loader import load as declared
from penstock.model import pipeline
from tests.support.servers.airflow import DAGS, REPO, Airflow, parsed

HEAVY = ("great_expectations", "pandas", "pyarrow", "duckdb", "numpy", "MySQLdb", "psycopg")
GOOD = {"good", "good__undo", "good__repair"}
FILE = "name: {name}\nsource: shop_source\ntarget: shop_target\n"

PARSE = """
import json, socket, sqlite3, sys, time
import airflow.sdk, airflow.providers.standard.operators.hitl, airflow.providers.standard.operators.empty
def refuse(*_, **__): raise AssertionError("a connection was opened while a DAG was parsed")
socket.socket.connect = sqlite3.connect = refuse
import sqlalchemy; sqlalchemy.create_engine = refuse
began = time.process_time()
import runpy
for file in sys.argv[2:]: runpy.run_path(file)
print(json.dumps([time.process_time() - began, [m for m in sys.argv[1].split(",") if m in sys.modules]]))
"""


ADDED = """
from penstock.model import pipeline
pipeline.MOVE = (*pipeline.MOVE, pipeline.Stage("count", "count once more", "count:count", gate=True))
pipeline.PIPELINE = (*pipeline.PLAN, *pipeline.MOVE, *pipeline.SWITCH)
import sys
from penstock.migration.loader import load
from penstock_operators.migration_dag import migration_dag
task = migration_dag(load(sys.argv[1])).get_task("count")
print(type(task).__name__, sorted(task.upstream_task_ids), sorted(task.downstream_task_ids))
"""


def written(folder: Path, **files: str) -> Path:
    """A DAG folder with the repository's dags/migrations.py and these migration files."""
    (folder / "migrations").mkdir()
    (folder / "migrations.py").write_text((REPO / "dags" / "migrations.py").read_text())
    for name, text in files.items():
        (folder / "migrations" / f"{name}.yaml").write_text(text)
    return folder


def test_repository_parses_without_errors(airflow_installed: None) -> None:
    assert {"flights", "flights__undo", "flights__repair", "flights_by_hand", "penstock_clean"} == set(parsed(REPO / "dags"))


def test_parsing_opens_nothing_and_imports_nothing_heavy() -> None:
    files = [str(f) for f in sorted((REPO / "dags").glob("*.py"))]
    done = subprocess.run([sys.executable, "-c", PARSE, ",".join(HEAVY), *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    seconds, heavy = json.loads(done.stdout.splitlines()[-1])
    assert heavy == []
    assert seconds < 0.5


def test_broken_file_is_a_visible_dag_and_leaves_the_others(airflow_installed: None, tmp_path: Path) -> None:
    dags = parsed(
        written(tmp_path, good=FILE.format(name="good"), bad="name: bad\nsauce: x\n", worse="a: [", twin=FILE.format(name="good"))
    )
    assert set(dags) == {*GOOD, "bad__broken", "worse__broken", "twin__broken"}
    broken = dags["bad__broken"]
    assert "sauce" in broken.doc_md and "source" in broken.doc_md
    assert "broken" in broken.tags


@pytest.mark.parametrize(
    ("asked", "made"),
    [*((name, {name}) for name in sorted(GOOD)), ("bad__broken", GOOD | {"bad__broken"})],
)
def test_worker_that_wants_one_dag_reads_only_its_file(
    airflow_installed: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: str, made: set[str]
) -> None:
    nested = FILE.format(name="good") + "tables: {name: {}}\n"
    folder = written(tmp_path, good=nested, bad="name: bad\nsauce: x\n")
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", asked)
    found = runpy.run_path(str(folder / "migrations.py"))
    assert {value.dag_id for name, value in found.items() if name.startswith("dag_")} == made


def test_migration_may_have_any_of_our_names(airflow_installed: None, tmp_path: Path) -> None:
    assert {"path", "dag"} <= set(parsed(written(tmp_path, a=FILE.format(name="path"), b=FILE.format(name="dag"))))


def test_every_gate_and_proof_has_its_own_edge_to_the_switch(airflow: Airflow) -> None:
    dag = airflow.dags["shop"]
    gates = {t for t in dag.task_ids if t.startswith("gate_")} | {"prove"}
    assert len(gates) == 4 and gates <= dag.get_task("switch").upstream_task_ids
    assert "approve" in airflow.dags["shop_approved"].get_task("switch").upstream_task_ids
    assert dag.get_task("switch").trigger_rule == "all_success"


def test_a_live_migration_ends_with_its_proof(airflow_installed: None, tmp_path: Path) -> None:
    """`penstock switch` makes it live: a task that did it while the source is open would lose what is written meanwhile."""
    dag = parsed(written(tmp_path, good=FILE.format(name="good") + "live: true\n"))["good"]
    assert not {"approve", "switch", "verify", "finish"} & set(dag.task_ids)
    assert "prove" in dag.get_task("report").upstream_task_ids and "penstock follow" in (dag.doc_md or "")


def test_stages_without_work_are_not_there(airflow: Airflow) -> None:
    assert "transform" in airflow.dags["shop"].task_ids and "transform" not in airflow.dags["shop_plain"].task_ids
    assert "approve" in airflow.dags["shop_approved"].task_ids and "approve" not in airflow.dags["shop"].task_ids


def test_the_tasks_are_the_stages_of_the_pipeline_in_their_order(airflow: Airflow) -> None:
    for name in ("shop", "shop_plain", "shop_approved", "shop_daily"):
        dag = airflow.dags[name]
        migration = declared(str(DAGS / "migrations" / f"{name}.yaml"))
        stages = [stage for stage in pipeline.of(migration) if not stage.task]
        assert set(dag.task_ids) == {stage.name for stage in stages} | {"report", "outcome"}
        for before, after in pairwise(stages):
            assert after.name in dag.get_task(before.name).downstream_task_ids, (name, before.name, after.name)
        assert {t.task_id for t in dag.tasks if t.is_mapped} == {stage.name for stage in stages if stage.fan_out}


def test_a_stage_that_is_added_to_the_table_is_a_task_that_the_switch_waits_for(tmp_path: Path) -> None:
    """In a process of its own, where the line is in the table before anything reads it."""
    file = tmp_path / "shop.yaml"
    file.write_text(FILE.format(name="shop"))
    done = subprocess.run([sys.executable, "-c", ADDED, str(file)], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1:] == ["StageOperator ['prove'] ['switch']"], done.stderr


def test_run_state_hangs_on_the_stages_and_not_only_on_the_report(airflow: Airflow) -> None:
    dag = airflow.dags["shop"]
    leaves = {t.task_id for t in dag.leaves}
    assert leaves == {"outcome"} and {"finish", "verify", "report"} <= dag.get_task("outcome").upstream_task_ids
    assert dag.get_task("report").trigger_rule == "all_done"


def test_trigger_form_offers_tables_chunk_dry_run_and_stop(airflow: Airflow) -> None:
    params = airflow.dags["shop_plain"].params
    assert params.get_param("tables").schema["examples"] == ["log", "nothing"]
    told = {"tables": [], "chunk": None, "dry_run": False, "stop_before_switch": False, "proof": "staged"}
    assert {name: params[name] for name in params} == told
    for good in ("16MiB", "1 GiB", "500000", "64KB"):
        params.get_param("chunk").resolve(good)
    from airflow.sdk.exceptions import ParamValidationError

    with pytest.raises(ParamValidationError):
        params.get_param("chunk").resolve("a lot")


def test_schedule_is_a_data_interval_in_utc_and_nothing_catches_up(airflow_installed: None, tmp_path: Path) -> None:
    text = FILE.format(name="daily") + 'schedule: "@daily"\nstart_date: 2024-01-01\n'
    dag = parsed(written(tmp_path, daily=text, never=FILE.format(name="never")))["daily"]
    assert type(dag.timetable).__name__ == "CronDataIntervalTimetable" and dag.timetable.expression == "0 0 * * *"
    assert dag.start_date.isoformat().startswith("2024-01-01T00:00:00") and dag.catchup is False and dag.max_active_runs == 1


def test_a_migration_with_a_schedule_waits_for_a_person_to_unpause_it(airflow: Airflow) -> None:
    paused = {name: airflow.dags[name].is_paused_upon_creation for name in ("shop_daily", "shop_daily__undo", "shop_daily__repair", "shop")}
    assert paused == {"shop_daily": True, "shop_daily__undo": False, "shop_daily__repair": False, "shop": False}


def test_undo_and_unscheduled_dags_only_run_by_hand(airflow: Airflow) -> None:
    for dag_id in ("shop", "shop__undo", "shop__repair"):
        assert not airflow.dags[dag_id].timetable.can_be_scheduled
    assert airflow.dags["shop_daily__repair"].timetable.can_be_scheduled is False


def test_example_by_hand_gates_its_switch_too(airflow_installed: None) -> None:
    dag = parsed(REPO / "dags")["flights_by_hand"]
    assert {"gate_extracted", "gate_transformed", "gate_loaded", "prove", "enough_rows"} <= dag.get_task("switch").upstream_task_ids
