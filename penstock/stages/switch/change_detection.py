"""Whether what stands at the target is what was proved: by the table's seal where the database has a cheap one, else by its digest."""

from __future__ import annotations

from dataclasses import replace

import sqlalchemy as sa

from penstock import databases
from penstock.databases._shared.definition import changed
from penstock.model import digest
from penstock.model.digest import Digest
from penstock.model.plan import TablePlan
from penstock.model.schema import TableName
from penstock.planning.statements import live_select, readback_select, same_key, within
from penstock.stages.switch import pending_rows
from penstock.state.evidence import Comparison, TableProof
from penstock.state.run_context import RunContext


def unchanged(context: RunContext, connection: sa.Connection, table: TablePlan, proof: TableProof, parked: TableName | None = None) -> bool:
    """Whether the shadow of the run is as it was proved. parked: where some of its rows have been moved to already."""
    if parked is None and proof.seal is not None and _same_form(now := str(context.target.seal(connection, table.shadow)), proof.seal):
        return now == proof.seal
    proved = Digest.parse(proof.target) - Digest.parse(proof.standing)
    columns = table.target.columns
    selects = [databases.select(context.target, place, columns) for place in (table.shadow, parked) if place]
    return _total(context, connection, table, *selects) == proved


def definition_changes(context: RunContext, connection: sa.Connection, table: TablePlan, proof: TableProof) -> list[str]:
    """What of the shadow's definition is no longer as it was proved, in words; nothing where the proof has no definition."""
    return changed(proof.definition, context.target.definition(connection, table.shadow)) if proof.definition else []


def live_unchanged(context: RunContext, connection: sa.Connection, table: TablePlan, proof: TableProof, swapped: bool) -> bool:
    """Whether what the run has made live is what was proved, with the rows of it that wait.

    swapped: its shadow has become the live table; otherwise the live table has rows of other runs too.
    """
    if swapped and proof.seal is not None and not table.partition:
        now = str(context.target.seal(connection, table.target.name))
        if _same_form(now, proof.seal):
            return now == proof.seal
    proved = Digest.parse(proof.target)
    if table.by_key and not swapped:
        proved -= Digest.parse(proof.standing)
    select = readback_select(table, context.target, None, table.target.name)
    return _total(context, connection, table, select, pending_rows.rows(connection, table, context.target)) == proved


def as_staged(context: RunContext, connection: sa.Connection, table: TablePlan, proof: TableProof) -> bool:
    """Whether the live table of a repair, with its rows that wait, is what the source gave."""
    select = live_select(table, context.target, None)
    waiting = pending_rows.rows(connection, _by_interval(table), context.target)
    return _total(context, connection, table, select, waiting) == Digest.parse(proof.target)


def _by_interval(table: TablePlan) -> TablePlan:
    """The plan of a repair for all rows of its interval, not only those that differ."""
    return replace(table, scope=table.partition) if table.partition else table


def as_compared(context: RunContext, connection: sa.Connection, table: TablePlan, comparison: Comparison) -> bool:
    """Whether the live table of a repair is still the one that was compared: by its seal, else by the digest of what the run is about."""
    seal = context.target.seal(connection, table.target.name)
    if seal is not None and seal == comparison.seal:
        return True
    return str(_total(context, connection, table, live_select(table, context.target, None))) == comparison.live


def deleted_as_compared(context: RunContext, connection: sa.Connection, table: TablePlan, comparison: Comparison) -> bool:
    """Whether the rows that a repair has deleted are those that were found to differ; of a partition, its own."""
    target = context.target
    own = same_key(table, target, table.delete_keys, table.kept) if table.delete_keys else within(table, target, table.target, table.kept)
    select = databases.select(target, table.kept, table.target.columns, own)
    return str(_total(context, connection, table, select)) == comparison.leaving


def _same_form(seal: str, other: str) -> bool:
    """Whether two seals can be compared: an earlier Penstock took another one of some databases, whose form is before the `=`."""
    return seal.partition("=")[0] == other.partition("=")[0] if "=" in seal + other else True


def _total(context: RunContext, connection: sa.Connection, table: TablePlan, *selects: str) -> Digest:
    """The digest of what the selects give together; an empty one gives nothing."""
    columns = table.target.columns
    return sum((digest.total(context.target.read(connection, s, columns), columns) for s in selects if s), Digest())
