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
from penstock.state.run_context import RunContext
from tests.support.data.shop import Shop
from tests.support.repository import REPO


def ran(session: RunContext) -> list[str]:
    """The stages that a run has recorded, in the order in which they began."""
    area = session.staging
    found = [area.read_json("timings", name) for name in area.names("timings")]
    return [t["stage"] for t in sorted(found, key=lambda t: [s.name for s in PIPELINE].index(t["stage"]))]


def planned(session: RunContext) -> list[str]:
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


PAGE = REPO / "docs" / "contributing" / "add-a-stage.md"
ADDED = """
import pathlib, re, sys, types
module, line = re.findall(r"```python\\n(.*?)```", pathlib.Path(sys.argv[1]).read_text(), re.DOTALL)
from penstock.model import pipeline
pipeline.MOVE = (*pipeline.MOVE, *eval(line, {"Stage": pipeline.Stage}))
pipeline.PIPELINE = (*pipeline.PLAN, *pipeline.MOVE, *pipeline.SWITCH)
from penstock import stages
recount = sys.modules["penstock.stages.recount"] = types.ModuleType("penstock.stages.recount")
exec(module, vars(recount))
from penstock.cli.commands import main
sys.exit(main(["run", "shop.yaml", "--run-id", "r1"]))
"""


def test_a_stage_is_added_by_a_module_and_a_line_as_the_page_shows(shop: Shop) -> None:
    """In a process of its own, where the line is in the table before anything reads it."""
    shop.write()
    command = [sys.executable, "-c", ADDED, str(PAGE)]
    done = subprocess.run(command, cwd=shop.folder, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "recount    rows 2197" in done.stderr, done.stderr
    area = shop.request().area
    assert area.exists("timings", "recount.json") and "count the rows once more" in area.read_text("report.html")
    assert ("recount", "done") in [(s["stage"], s["state"]) for s in area.read_json("report.json")["stages"]]


def environment() -> dict[str, str]:
    path = os.pathsep.join(str(REPO / part) for part in ("", "operators", "expectations", "plugins"))
    return {**os.environ, "PYTHONPATH": path}
