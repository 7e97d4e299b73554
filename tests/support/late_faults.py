"""Which stages have failed in the tests, and with what: written down when PENSTOCK_FAULTS names a file. conftest loads this plugin.

Preflight should have known what makes a run fail after `prepare`: PENSTOCK_FAULTS=faults.jsonl pytest tests/scenarios lists what did.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.state import run_files, run_log
from penstock.state.run_log import Failure

FILE = os.environ.get("PENSTOCK_FAULTS", "")


@pytest.fixture(autouse=bool(FILE))
def faults_written_down(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The failures in this process, and those that other processes have left below the test's folder."""
    describe, test = run_log.describe, request.node.nodeid

    def described(name: str, error: BaseException) -> Failure:
        failure = describe(name, error)
        _write(test, vars(failure))
        return failure

    monkeypatch.setattr(run_log, "describe", described)
    yield
    for file in tmp_path.rglob(run_files.FAILURE):
        _write(test, json.loads(file.read_text()))


def _write(test: str, failure: dict[str, object]) -> None:
    said = {part: failure[part] for part in ("stage", "type", "what", "where", "why", "lines")}
    with Path(FILE).open("a") as file:
        file.write(json.dumps({"test": test, **said}) + "\n")
