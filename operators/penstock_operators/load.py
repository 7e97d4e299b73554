"""Load: empty shadow tables, the rows into them, then their keys and indexes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penstock_operators.stage import StageOperator, summed


class PrepareOperator(StageOperator):
    """Compare the live tables that are repaired with what is staged, and create the shadow tables. Returns the groups of the load."""

    pipeline_stage = "prepare"


class LoadOperator(StageOperator):
    """Load the chunks of one `group`, as the prepare task handed it on."""

    pipeline_stage = "load"

    def __init__(self, *, group: Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__(group=group, **kwargs)

    def summary(self, found: Any) -> dict[str, Any]:
        return summed(found)


class BuildOperator(StageOperator):
    """Build the keys, indexes and foreign keys of the loaded shadow tables."""

    pipeline_stage = "build"

    def summary(self, found: Any) -> dict[str, Any]:
        return {"statements": len(found)}
