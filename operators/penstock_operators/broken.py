"""The DAG of a migration file that can't be read: visible, tagged, and failing with the fault."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, BaseOperator
from airflow.sdk.exceptions import AirflowFailException

if TYPE_CHECKING:
    from airflow.sdk import Context


class BrokenOperator(BaseOperator):
    """Fails with the `fault`."""

    def __init__(self, *, fault: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.fault = fault

    def execute(self, context: Context) -> None:
        raise AirflowFailException(self.fault)


def broken_dag(file: str, fault: Exception) -> DAG:
    """`<file>__broken`, whose page is the fault."""
    with DAG(
        dag_id=re.sub(r"[^A-Za-z0-9_.-]", "_", file) + "__broken",
        schedule=None,
        tags=["penstock", "broken"],
        doc_md=f"This migration file can't be read, so it has no DAG:\n\n```\n{fault}\n```",
    ) as dag:
        BrokenOperator(task_id="migration_file", fault=str(fault))
    return dag
