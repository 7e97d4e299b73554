"""The pipeline: a stage is declared once, and run.py, progress and the console go through exactly what is declared."""

from __future__ import annotations

import os
import subprocess
import sys
from inspect import signature

import pytest

from penstock import run
from penstock.model import pipeline
from penstock.model.pipeline import PIPELINE, Stage
from penstock.state import progress
from penstock.state.run_context import Session
from tests.support.data.shop import Shop
from tests.support.repository import REPO


def ran(session: Session) -> list[str]:
    """The stages that a run has recorded, in the order in which they began."""
    area = session.staging
    found = [area.read_json("timings", name) for name in area.names("timings")]
    return [t["stage"] for t in sorted(found, key=lambda t: [s.name for s in PIPELINE].index(t["stage"]))]


def planned(session: Session) -> list[str]:
    return [stage.name for stage in pipeline.of(session.plan) if stage.name != "preflight"]  # a task of Airflow's alone


@pytest.mark.parametrize("stage", [s for s in PIPELINE if s.function], ids=lambda stage: stage.name)
def test_the_function_of_every_stage_is_there_and_takes_what_it_is_given(stage: Stage) -> None:
    taken = signature(run.function_of(stage)).parameters
    assert len(taken) == 1 + len(stage.given) + bool(stage.fan_out)


def test_names_are_used_once_and_tasks_are_stages() -> None:
    names = [stage.name for stage in PIPELINE]
    assert len(set(names)) == len(names) and {stage.task for stage in PIPELINE} - {""} <= set(names)


@pytest.mark.parametrize(
    ("tables", "extra"),
    [("", ""), ("  customer: {transform: [{drop: [email]}]}", ""), ("", "switch: {approval: true}")],
    ids=["plain", "with transforms", "with an approval"],
)
def test_a_run_goes_through_exactly_the_stages_that_the_table_gives_it(shop: Shop, tables: str, extra: str) -> None:
    session = shop.run(migration=shop.write(tables, extra), approve=lambda _: (True, "ada"))
    assert ran(session) == planned(session)
    assert ("transform" in ran(session), "approve" in ran(session)) == (bool(tables), bool(extra))
    found = progress.read(session.staging)
    assert [s.stage for s in found.stages] == planned(session) and found.fraction == 1.0
    assert [s.words for s in found.stages] == [pipeline.named(s.stage).label for s in found.stages]


def test_a_repair_compares_and_other_runs_do_not(shop: Shop) -> None:
    assert "compare" not in ran(shop.run())
    repaired = shop.run("r2", tables=("customer",), repair=True)
    assert ran(repaired) == planned(repaired) and "compare" in ran(repaired)


def test_a_run_that_stops_before_the_switch_goes_through_no_stage_after_the_proof(shop: Shop) -> None:
    session = shop.run(stop_before_switch=True)
    assert ran(session) == [
        stage.name for stage in pipeline.of(session.plan, (*pipeline.PLAN, *pipeline.MOVE)) if stage.name != "preflight"
    ]


ADDED = """
import sys, types
from penstock.model import pipeline
count = types.ModuleType("penstock.stages.count")
count.count = lambda session: print("counted", len(session.plan.tables), "tables")
sys.modules["penstock.stages.count"] = count
pipeline.MOVE = (*pipeline.MOVE, pipeline.Stage("count", "count once more", "count:count", gate=True))
pipeline.PIPELINE = (*pipeline.PLAN, *pipeline.MOVE, *pipeline.SWITCH)
"""


def test_a_stage_is_added_by_a_module_and_a_line(shop: Shop) -> None:
    """In a process of its own, where the line is in the table before anything reads it."""
    shop.write()
    code = ADDED + "from penstock.cli.commands import main; sys.exit(main(['run', 'shop.yaml', '--run-id', 'r1']))"
    done = subprocess.run([sys.executable, "-c", code], cwd=shop.folder, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "counted 5 tables" in done.stdout, done.stderr
    area = shop.request().area
    assert area.exists("timings", "count.json") and "count once more" in area.read_text("report.html")
    assert "count" in [s["stage"] for s in area.read_json("report.json")["stages"]]


def environment() -> dict[str, str]:
    path = os.pathsep.join(str(REPO / part) for part in ("", "operators", "expectations", "plugins"))
    return {**os.environ, "PYTHONPATH": path}
