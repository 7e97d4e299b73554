"""Extract: a group of source tables to Parquet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from penstock_operators.migration_operator import MigrationOperator, chunks, summed

if TYPE_CHECKING:
    from airflow.sdk import Context


class ExtractOperator(MigrationOperator):
    """Stage the tables of one `group`, as the plan task handed it on."""

    def __init__(self, *, group: Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.group = group

    def work(self, context: Context) -> dict[str, Any]:
        from penstock.stages import extract
        from penstock.state import run_log

        session = self.opened(context)
        tables = tuple(dict.fromkeys(table for table, _ in chunks(self.group)))
        with run_log.stage(session.staging, "extract", self.group["label"]):
            return summed(extract.extract(session, tables))
