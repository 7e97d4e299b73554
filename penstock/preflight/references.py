"""What foreign keys ask of the tables that are moved in intervals: said before the first run, with the lines to paste."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from penstock.databases import Database
from penstock.errors import Problem
from penstock.intervals import CLOCKS
from penstock.migration import Migration
from penstock.plan import TablePlan
from penstock.schema import ForeignKey


def problems(migration: Migration, plans: Sequence[TablePlan], every: Sequence[TablePlan], to: Database) -> list[Problem]:
    """What can't work, and what works better otherwise. plans: of this run; every: of all tables of the migration."""
    if not migration.partitioned:
        return []
    known = {p.name: p for p in every}
    found: list[Problem] = []
    for plan in plans:
        for key in plan.source.foreign_keys:
            if key.ref_table in known and migration.partition_of(key.ref_table):
                found += _to_partitioned(migration, plan, key, to)
            elif key.ref_table in known:
                found += _to_once(migration, plan, key)
    return found


def _to_partitioned(migration: Migration, plan: TablePlan, key: ForeignKey, to: Database) -> Iterator[Problem]:
    """A table that refers to one that is moved in intervals."""
    where, other = f"table {plan.name}", key.ref_table
    spec = migration.partition_of(plan.name)
    lines = _lines(plan.name, other, key, plan)
    if spec is None:
        how = "moved by its changes" if plan.follows else "moved whole"
        what = f"it is {how} and refers to {other}, of which a run moves one interval: it would refer to rows that are not there yet"
        if to.foreign_keys:
            yield Problem(True, where, what, f"move it in intervals, too:\n{lines}", "key")
        return
    if spec.follows == other or not to.foreign_keys:
        return
    if not plan.target.primary_key:
        what = (
            f"it refers to {other}, whose row may belong to another interval, and has no primary key by which its rows could wait for that"
        )
        yield Problem(True, where, what, f"declare its `key`, or move both together:\n{lines}", "key")
    elif other != plan.name:
        what = f"a row that refers to a row of {other} of another interval waits beside the live table until that interval is live"
        yield Problem(False, where, what, f"to move it with the row that it refers to instead:\n{lines}" if spec.by else "", "key")


def _to_once(migration: Migration, plan: TablePlan, key: ForeignKey) -> Iterator[Problem]:
    """A table that refers to one that is moved once: new rows of that one never come."""
    spec = migration.tables.specs.get(key.ref_table)
    if spec is None or spec.moved != "once" or key.ref_table == plan.name:
        return
    mine = migration.tables.specs.get(plan.name)
    if mine is None or mine.moved != "once":
        what = f"it refers to {key.ref_table}, which is moved once: a run that needs a row that was added there later is refused"
        fix = f"leave out `moved: once` of {key.ref_table}, or move it again when rows were added: --tables {key.ref_table}"
        yield Problem(False, f"table {plan.name}", what, fix, "key")


def _lines(name: str, other: str, key: ForeignKey, plan: TablePlan) -> str:
    """What to write into the file, indented as it stands under `tables`."""
    several = sum(k.ref_table == other for k in plan.source.foreign_keys) > 1
    through = f", through: {key.name}" if several else ""
    if other == name:  # a table can't follow itself
        clocks = [c.name for c in plan.source.columns if c.type.name in CLOCKS]
        return f"        {name}:\n          partition: {{by: {clocks[0] if clocks else '<a column of dates or times>'}}}"
    return f"        {name}:\n          partition: {{with: {other}{through}}}"
