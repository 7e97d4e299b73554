"""Load: empty shadow tables, the rows into them, then their keys and indexes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from penstock_operators.migration_operator import MigrationOperator, chunks, handed_on, summed

if TYPE_CHECKING:
    from airflow.sdk import Context


class PrepareOperator(MigrationOperator):
    """Find out what differs from the live tables that are repaired, and make the shadow tables. Answers the groups of the load."""

    def work(self, context: Context) -> list[dict[str, Any]]:
        from penstock.model.plan import groups
        from penstock.stages import compare, load
        from penstock.state import run_log

        session = self.opened(context)
        if any(t.repairs for t in session.plan.tables):
            with run_log.stage(session.staging, "compare"):
                compare.compare(session)
        with run_log.stage(session.staging, "prepare"):
            load.prepare(session)
        return handed_on(groups(session.plan, "load"))


class LoadOperator(MigrationOperator):
    """Load the chunks of one `group`, as the prepare task handed it on."""

    def __init__(self, *, group: Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.group = group

    def work(self, context: Context) -> dict[str, Any]:
        from penstock.stages import load
        from penstock.state import run_log

        session = self.opened(context)
        with run_log.stage(session.staging, "load", self.group["label"]):
            return summed(load.load(session, chunks(self.group)))


class BuildOperator(MigrationOperator):
    """Give the loaded shadow tables their keys, indexes and foreign keys."""

    def work(self, context: Context) -> dict[str, Any]:
        from penstock.stages import load
        from penstock.state import run_log

        session = self.opened(context)
        with run_log.stage(session.staging, "build"):
            return {"statements": len(load.build(session))}
