"""Links from a task to its part of the report: a button on the page of the task. The address is made when that page is opened."""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import urlsplit

from airflow.configuration import conf
from airflow.sdk import BaseOperatorLink

from penstock.reporting.html.addresses import Addresses
from penstock_operators.approve import ApproveOperator
from penstock_operators.extract import ExtractOperator
from penstock_operators.load import BuildOperator, LoadOperator, PrepareOperator
from penstock_operators.plan import PlanOperator
from penstock_operators.preflight import PreflightOperator
from penstock_operators.report import ReportOperator
from penstock_operators.stage import StageOperator
from penstock_operators.switch import FinishOperator, SwitchOperator, VerifyOperator
from penstock_operators.transform import TransformOperator
from penstock_operators.undo import UndoOperator
from penstock_operators.validate import ProveOperator, ValidateOperator

ROUTE = "migrations"
"""The part of Airflow's addresses under which these pages are; the page in the frame follows it."""
_PARTS = {
    "preflight": "preflight",
    "plan": "stages",
    "extract": "tables",
    "transform": "tables",
    "prepare": "stages",
    "load": "tables",
    "build": "stages",
    "prove": "proof",
    "approve": "decisions",
    "switch": "switch",
    "verify": "switch",
    "finish": "switch",
}
_CHUNKS_FROM = {"extract": "plan", "transform": "gate_extracted", "load": "prepare"}
"""By mapped task, the task that returned its chunks."""


class ReportLink(BaseOperatorLink):
    """From a gate to its page, from a task with one table to the page of the table, else to a part of the report."""

    name = "Migration report"
    operators: ClassVar[list[Any]] = [
        ApproveOperator,
        BuildOperator,
        ExtractOperator,
        FinishOperator,
        LoadOperator,
        PlanOperator,
        PrepareOperator,
        PreflightOperator,
        ProveOperator,
        ReportOperator,
        StageOperator,
        SwitchOperator,
        TransformOperator,
        UndoOperator,
        ValidateOperator,
        VerifyOperator,
    ]

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        airflow = urlsplit(conf.get("api", "base_url", fallback="/")).path.rstrip("/")
        to = Addresses(f"{airflow}/penstock", airflow)
        return f"{airflow}/plugin/{ROUTE}{_page(to, ti_key)}"


def _page(to: Addresses, task: Any) -> str:
    if task.task_id.startswith("gate_"):
        return to.gate(task.dag_id, task.run_id, task.task_id.removeprefix("gate_"))
    if task.task_id in _CHUNKS_FROM and (table := _only_table(task)):
        return to.table(task.dag_id, task.run_id, table)
    part = _PARTS.get(task.task_id)
    return to.report(task.dag_id, task.run_id) + (f"#{part}" if part else "")


def _only_table(task: Any) -> str | None:
    """The table of a mapped task's chunks; None when it has several, or the table is not known."""
    # imported here: the process of a task loads this file, and does not call this
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session

    query = XComModel.get_many(
        run_id=task.run_id, key="return_value", task_ids=_CHUNKS_FROM[task.task_id], dag_ids=task.dag_id, map_indexes=-1, limit=1
    )
    with create_session() as session:
        found = session.scalars(query).first()
        groups = XComModel.deserialize_value(found) if found is not None else []
    if not isinstance(groups, list) or not 0 <= task.map_index < len(groups):
        return None
    tables = {str(table) for table, _ in groups[task.map_index]["chunks"]}
    return tables.pop() if len(tables) == 1 else None
