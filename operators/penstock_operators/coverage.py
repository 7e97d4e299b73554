"""Coverage after a run: written down for the pages, which can't ask the target, by whichever task ends what changes it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from penstock_operators.connections import url
from penstock_operators.runs import staging_root

if TYPE_CHECKING:
    from penstock.migration.spec import Migration
    from penstock.state.staging import Staging

log = logging.getLogger(__name__)


def keep(migration: Migration, given: str, staging: Staging) -> dict[str, Any] | None:
    """Write down how all tables stand now: {as_of, proven, of}, in tables and intervals. given: the staging root.

    None when the run has no plan; and, said in the log, when the target can't be asked: no report is lost over this.
    """
    from penstock.stages.coverage import coverage
    from penstock.state import plan_file

    if (plan := plan_file.find(staging)) is None:
        return None
    tables = [t.name for t in plan.tables]
    try:
        kept = coverage.keep(migration, staging_root(migration, given), url(migration.target), tables)
    except Exception as fault:
        log.warning("the coverage was not written down: %s", fault)
        return None
    states = [cell["state"] for table in kept["tables"] for cell in table["cells"]]
    return {"as_of": kept["as_of"], "proven": states.count("proven"), "of": len(states)}
