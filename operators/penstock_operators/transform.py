"""Transform: a group of staged chunks by the declared steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penstock_operators.stage import StageOperator, summed


class TransformOperator(StageOperator):
    """Transform the chunks of one `group`, as the gate after extraction handed it on."""

    pipeline_stage = "transform"

    def __init__(self, *, group: Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__(group=group, **kwargs)

    def summary(self, found: Any) -> dict[str, Any]:
        return summed(found)
