"""What preflight found, as a run keeps it for its report."""

from __future__ import annotations

from typing import Any

from penstock.state.staging import Staging

FILE = "preflight.json"
_OLD_FILE = "assessment.json"
_OLD_NAMES = {"told": "lines", "outlook": "estimate"}


def write(area: Staging, record: dict[str, Any]) -> None:
    """Keep what preflight found. record: as `PreflightResult.record` makes it."""
    area.write_json(record, FILE)


def read(area: Staging) -> dict[str, Any] | None:
    """What preflight found; None where nothing is kept. A run of version 0.1 has another file, with other names in it."""
    if area.exists(FILE):
        return dict(area.read_json(FILE))
    if area.exists(_OLD_FILE):
        return {_OLD_NAMES.get(name, name): value for name, value in area.read_json(_OLD_FILE).items()}
    return None
