"""Suites that can't be read, that name what isn't there, or that would never run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from penstock.errors import PenstockError, Problem
from penstock.migration import suites
from penstock.model.plan import TablePlan
from penstock.planning.preflight.context import Context

order = 90


def check(context: Context) -> Iterator[Problem]:
    """Files that belong to no gate, then the suites of each table."""
    folder = context.request.suites
    for problem in suites.strays(folder, context.planned.tables, context.migration.bare):
        yield replace(problem, area="suite")
    for plan in context.plans:
        yield from _of(plan, folder)


def _of(plan: TablePlan, folder: Path) -> Iterator[Problem]:
    """Suites that can't be read, and expectations on columns that are not there at that stage."""
    for stage, shape in (("extracted", plan.source), ("transformed", plan.target), ("loaded", plan.target)):
        try:
            found = suites.check(suites.of(folder, plan.name, stage, shape, bare=plan.bare), shape.columns)
        except PenstockError as error:
            found = [Problem(True, error.where or f"suite of {plan.name}", error.what, error.fix)]
        yield from (replace(p, area="suite") for p in found)
