"""Transform: a group of staged chunks by the declared steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from penstock_operators.migration_operator import MigrationOperator, chunks, summed

if TYPE_CHECKING:
    from airflow.sdk import Context


class TransformOperator(MigrationOperator):
    """Transform the chunks of one `group`, as the gate after extraction handed it on."""

    def __init__(self, *, group: Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.group = group

    def work(self, context: Context) -> dict[str, Any]:
        from penstock.stages import transform
        from penstock.state import run_log

        session = self.opened(context)
        with run_log.stage(session.staging, "transform", self.group["label"]):
            return summed(transform.transform(session, chunks(self.group)))
