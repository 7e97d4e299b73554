"""What preflight found: the problems, and an estimate of size, space and time."""

from __future__ import annotations

from penstock.reporting.inputs import Record
from penstock.reporting.sections import Inputs

order = {"report": 100, "run": 100}


def collect(inputs: Inputs) -> Record | None:
    """The problems, the estimate, and the estimate in words (`lines`); None for a run that had no preflight."""
    found = inputs.records.preflight
    return found and {"tables": found["tables"], "problems": found["problems"], "lines": found["lines"], "estimate": found["estimate"]}
