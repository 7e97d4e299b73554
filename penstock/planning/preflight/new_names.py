"""Other names for tables and columns that the target can't have under their own: free, allowed, and ready to paste."""

from __future__ import annotations

import re
from collections.abc import Iterable

from penstock.databases import Database
from penstock.databases._shared import ddl
from penstock.errors import Area, Problem, Remedy
from penstock.model.plan import TablePlan
from penstock.runtime.formatting import yaml


def free(name: str, taken: Iterable[str], to: Database) -> str:
    """A name like this one, but another, that the target allows and that none of `taken` has."""
    allowed = "".join("_" if _refused(c, to) else c for c in name)
    if _refused(allowed, to):
        allowed = f"_{allowed}"
    return ddl.free_name(allowed, {*map(to.folded, taken), to.folded(name)}, to.max_identifier)


def _refused(text: str, to: Database) -> bool:
    return bool(to.refused_names and re.search(to.refused_names, text))


def of_table(table: str, what: str, area: Area, new: str, first: str = "") -> Problem:
    """That a table needs another name at the target. first: what can be done instead."""
    fix = f"{first}write `to: {yaml(new)}`, or another name"
    return Problem(True, f"table {table}", what, fix, area, (Remedy(table, {"to": new}),))


def of_column(plan: TablePlan, what: str, area: Area, column: str, new: str) -> Problem:
    """That a column needs another name at the target."""
    fix = f"add `rename: {{{yaml(column)}: {yaml(new)}}}` as the last step, with this name or another one"
    return Problem(True, f"table {plan.name}", what, fix, area, (Remedy(plan.name, {"transform": [{"rename": {column: new}}]}),))
