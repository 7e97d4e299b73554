"""Columns that the target stores in another form than the source: warnings."""

from __future__ import annotations

from collections.abc import Iterator

from penstock.databases import Database, Server
from penstock.errors import Kind, Problem, UnsupportedType
from penstock.model.plan import TablePlan
from penstock.planning.preflight.context import Context

order = 110

# What a counterpart stores, where its type does not say it.
_FORMS = {
    "geometry": ", its SRID and WKB",
    "set": ", the text of its labels",
    "array": ", as PostgreSQL writes it",
    "range": ", as PostgreSQL writes it",
}


def check(context: Context) -> Iterator[Problem]:
    """A line for each such column."""
    to = context.target.database
    for plan in context.plans:
        for what, kind in _columns(plan, to, context.target.server):
            yield Problem(False, f"table {plan.name}", what, kind=kind)


def _columns(plan: TablePlan, to: Database, server: Server) -> Iterator[tuple[str, Kind]]:
    for column in plan.target.columns:
        try:
            own, exact = to.native(column.type), to.maps_exactly(column.type)
        except UnsupportedType:
            continue  # the check `types` refuses it
        if column.type.name == "native" and column.type != to.canonical(column.native):
            what = f"{column.name} is staged as {to.label}'s own text: it has values that a {to.canonical(column.native)} can't hold"
            yield what, Kind(f"columns staged as {to.label}'s own text")
        if not exact and not column.kept:
            form = _FORMS.get(column.type.name, "")
            why = to.why_other_form(column, server)
            yield f"{column.name} is carried as {own.split(' CHARACTER SET')[0]}{form}: {why}", Kind("columns carried in another form", why)
