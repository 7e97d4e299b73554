"""The flights migration as an Airflow DAG assembled by hand from the operators: for a DAG that needs tasks of its own.

dags/migrations.py makes the usual DAG from the same file; this one has a task of its own between the proof and the switch.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from airflow.sdk import DAG, task

from penstock_operators.extract import ExtractOperator
from penstock_operators.load import BuildOperator, LoadOperator, PrepareOperator
from penstock_operators.migration_dag import STAGING
from penstock_operators.plan import PlanOperator
from penstock_operators.preflight import PreflightOperator
from penstock_operators.report import ReportOperator
from penstock_operators.switch import FinishOperator, SwitchOperator, VerifyOperator
from penstock_operators.transform import TransformOperator
from penstock_operators.validate import ProveOperator, ValidateOperator

FLIGHTS = {"migration": str(Path(__file__).parent / "migrations" / "flights.yaml"), "staging_root": STAGING}

with DAG("flights_by_hand", schedule=None, max_active_runs=1, tags=["penstock", "example"], doc_md=__doc__):

    @task
    def enough_rows(proved: dict[str, Any]) -> None:
        """A condition of our own before the switch."""
        if proved["rows"] < 300_000:
            raise ValueError(f"only {proved['rows']} rows were proved")

    preflight = PreflightOperator(task_id="preflight", **FLIGHTS)
    plan = PlanOperator(task_id="plan", **FLIGHTS)
    extract = ExtractOperator.partial(task_id="extract", **FLIGHTS).expand(group=plan.output)
    gate_extracted = ValidateOperator(task_id="gate_extracted", stage="extracted", **FLIGHTS)
    transform = TransformOperator.partial(task_id="transform", **FLIGHTS).expand(group=gate_extracted.output)
    gate_transformed = ValidateOperator(task_id="gate_transformed", stage="transformed", **FLIGHTS)
    prepare = PrepareOperator(task_id="prepare", **FLIGHTS)
    load = LoadOperator.partial(task_id="load", **FLIGHTS).expand(group=prepare.output)
    build = BuildOperator(task_id="build", **FLIGHTS)
    gate_loaded = ValidateOperator(task_id="gate_loaded", stage="loaded", **FLIGHTS)
    prove = ProveOperator(task_id="prove", **FLIGHTS)
    switch = SwitchOperator(task_id="switch", **FLIGHTS)
    verify = VerifyOperator(task_id="verify", **FLIGHTS)
    finish = FinishOperator(task_id="finish", **FLIGHTS)
    report = ReportOperator(task_id="report", **FLIGHTS)

    preflight >> plan >> extract >> gate_extracted >> transform >> gate_transformed
    gate_transformed >> prepare >> load >> build >> gate_loaded >> prove
    [gate_extracted, gate_transformed, gate_loaded, prove, enough_rows(prove.output)] >> switch >> verify >> finish
    # The report is written in every case; the state of the run is that of its last tasks, `finish` among them.
    [extract, transform, load, prove, switch] >> report
