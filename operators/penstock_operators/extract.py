"""Extract: a group of source tables to Parquet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penstock_operators.stage import StageOperator, summed


class ExtractOperator(StageOperator):
    """Stage the tables of one `group`, as the plan task handed it on."""

    pipeline_stage = "extract"

    def __init__(self, *, group: Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__(group=group, **kwargs)

    def summary(self, found: Any) -> dict[str, Any]:
        return summed(found)
