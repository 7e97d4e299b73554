"""Notifiers for the tests: one that writes down what it is given, one that raises, one that hangs."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from airflow.sdk import BaseNotifier

FILE = "PENSTOCK_RECORDED"
"""The environment variable that says into which file notices are written, one a line."""


def recorded(file: Path | None = None) -> list[dict[str, Any]]:
    """What was sent, in its order."""
    file = file or Path(os.environ[FILE])
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


class Recorder(BaseNotifier):
    """Writes the notice down, and what it was made with."""

    def __init__(self, severity: str = "") -> None:
        super().__init__()
        self.severity = severity

    def notify(self, context: Any) -> None:
        with Path(os.environ[FILE]).open("a") as file:
            file.write(json.dumps(context["penstock"] | {"severity": self.severity}) + "\n")


class Raising(BaseNotifier):
    """Fails always."""

    def notify(self, context: Any) -> None:
        raise RuntimeError("the pager is broken")


class Hanging(BaseNotifier):
    """Takes longer than anybody waits."""

    def notify(self, context: Any) -> None:
        time.sleep(60)
