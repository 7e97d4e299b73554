"""Re-drive: take quarantined rows again, through the transforms as the file now says, into the tables that are live.

A table's rows, and the receipt of the round, are one transaction; the receipt names a record in staging of which rows it
was, so a row is taken once, however often somebody asks or is killed. Rows that are still bad stay where they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
import sqlalchemy as sa

from penstock import databases, transforms
from penstock.databases._shared import bisect, column_checks
from penstock.errors import LoadFailed, StagingDamaged, SwitchRefused
from penstock.migration.spec import Migration
from penstock.model import digest
from penstock.model.bad_row import Bad
from penstock.model.digest import Digest
from penstock.model.plan import TablePlan
from penstock.model.schema import INTEGERS, TEXTS, Table, arrow_schema
from penstock.runtime import events
from penstock.state import evidence, journal, lease, quarantine, run_files, staged_rows
from penstock.state.evidence import RedrivenTable, RedriveRecord
from penstock.state.journal import Redrive
from penstock.state.quarantine import Entry, Manifest, Place, StillBad, Taken
from penstock.state.run_context import RunContext
from penstock.transforms._hidden_columns import private_columns
from penstock.transforms._isolate import Sift, whole

_KEYS_AT_ONCE = 200
_FINDABLE = INTEGERS | TEXTS | {"date"}


@dataclass(frozen=True)
class Redriven:
    """What a round did with a table's rows: how many are live now, were left out by a filter, and stay."""

    table: str
    loaded: int
    filtered: int
    left: int


def left(context: RunContext) -> list[Entry]:
    """What is in quarantine and was not re-driven yet, each row with the reason that was last found."""
    context = _ready(context)
    with context.writing() as connection, connection.begin():
        return [e for t in context.plan.tables for held in _left(context, connection, t) for e in held.entries]


def redrive(context: RunContext, migration: Migration) -> list[Redriven]:
    """Take what is left in quarantine again, table by table, those that others refer to first.

    Raises SwitchRefused when the tables of this run are not the live ones, LoadFailed when what was loaded does not read back.
    """
    done = []
    with lease.held(_ready(context), lease.WHOLE_RUN, "the re-drive of the quarantine") as context, context.writing() as connection:
        with connection.begin():
            _live(context, connection)
        for plan in _parents_first(context.plan.tables):
            with connection.begin():
                turn = _Round(plan, len(_rounds(context, connection, plan)), tuple(_left(context, connection, plan)))
            if turn.places:
                done.append(_table(context, migration, connection, turn))
        with connection.begin():
            evidence.REDRIVEN.write(context.staging, RedriveRecord(journal.now(), tuple(_told(context, connection))))
    return done


def _ready(context: RunContext) -> RunContext:
    """The session with the key of the quarantine, where there is one."""
    held = any(quarantine.manifests(context.staging, t.name) for t in context.plan.tables if t.quarantines)
    return staged_rows.ready(context, quarantine=True) if held else context


def _told(context: RunContext, connection: sa.Connection) -> Iterator[RedrivenTable]:
    """Each table that was re-driven. For the report."""
    for plan in context.plan.tables:
        if rounds := _rounds(context, connection, plan):
            left = sum(len(h.entries) for h in _left(context, connection, plan))
            yield RedrivenTable(plan.name, sum(r.loaded for r in rounds), left)


def _live(context: RunContext, connection: sa.Connection) -> None:
    plan = context.plan
    states = ["switched", "undoing", "undone"]
    last = next(iter(journal.switches(connection, plan.migration, states) if journal.exists(connection) else []), None)
    if last is None or last.token != plan.token or last.state != "switched":
        why = f"the last switch is of the run {last.run}, {last.state}" if last else "it has not switched"
        fix = "start a new run: it takes the rows as they are now at the source"
        raise SwitchRefused(f"the tables of the run {plan.run} are not live, so its rows have no place to go to", why=why, fix=fix)


def _parents_first(tables: Sequence[TablePlan]) -> Iterator[TablePlan]:
    """The tables, each behind those that its foreign keys refer to; in a circle, somebody has to be first."""
    by_place = {t.target.name: t for t in tables}
    seen: set[str] = set()

    def visit(plan: TablePlan) -> Iterator[TablePlan]:
        if plan.name not in seen:
            seen.add(plan.name)
            for key in plan.target.foreign_keys:
                if other := by_place.get(plan.target.referred(key)):
                    yield from visit(other)
            yield plan

    for table in tables:
        yield from visit(table)


@dataclass(frozen=True)
class _Held:
    """Rows of one quarantine file that are still there. places: of `rows`, in the order of `entries`."""

    manifest: Manifest
    rows: pa.RecordBatch
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class _Round:
    """One table's re-drive: which it is, counted from 0, and what is to be taken."""

    plan: TablePlan
    number: int
    held: tuple[_Held, ...]

    @property
    def places(self) -> list[Place]:
        return [_place(e) for h in self.held for e in h.entries]


def _left(context: RunContext, connection: sa.Connection, plan: TablePlan) -> list[_Held]:
    area = context.staging
    manifests = quarantine.manifests(area, plan.name) if plan.quarantines else []
    gone: set[Place] = set()
    reasons: dict[Place, tuple[str, str]] = {}
    for done in _rounds(context, connection, plan):
        taken = _taken(context, done)
        gone |= set(taken.gone)
        reasons |= {Place(b.stage, b.chunk, b.place): (b.column, b.reason) for b in taken.left}
    found = []
    for manifest in manifests:
        entries = quarantine.entries(area, manifest, plan)
        kept = [n for n, e in enumerate(entries) if _place(e) not in gone]
        rows = quarantine.rows(area, manifest).take(pa.array(kept, pa.int64()))
        found.append(_Held(manifest, rows, tuple(_now(entries[n], reasons) for n in kept)))
    return found


def _rounds(context: RunContext, connection: sa.Connection, plan: TablePlan) -> list[Redrive]:
    if not plan.quarantines or not journal.exists(connection):
        return []
    return journal.redrives(connection, context.plan.migration, context.plan.run, plan.name)


def _taken(context: RunContext, done: Redrive) -> Taken:
    """Which rows a round took, and which stayed. Raises StagingDamaged when it is not what was written with them."""
    found = context.staging.sha256(done.file) if context.staging.exists(done.file) else "nothing"
    if found != done.sha256:
        raise StagingDamaged.of(done.table, done.number, done.file, f"sha256 {done.sha256}", found)
    return quarantine.taken(done.file).read(context.staging)


def _place(entry: Entry) -> Place:
    return Place(entry.stage, entry.chunk, entry.place)


def _now(entry: Entry, reasons: Mapping[Place, tuple[str, str]]) -> Entry:
    column, reason = reasons.get(_place(entry), (entry.column, entry.reason))
    return replace(entry, column=column, reason=reason, value=entry.value if column == entry.column else None)


def _table(context: RunContext, migration: Migration, connection: sa.Connection, turn: _Round) -> Redriven:
    """Take what can be taken of a table, and answer what that was."""
    plan = turn.plan
    with connection.begin():
        live = context.target.inspect(connection, plan.target.name.schema, [plan.target.name.name])[0]
    stay: dict[Place, Bad] = {}
    ready: list[tuple[Place, pa.RecordBatch]] = []
    for part in turn.held:
        rows, transformed = _rows(context, plan, part)
        sift = _sift(context, migration, plan, transformed, live)
        for n, entry in enumerate(part.entries):
            made, bad = sift.parted(rows.slice(n, 1), 0)
            if bad:
                stay[_place(entry)] = bad[0]
            ready += [(_place(entry), whole(row).select([c.name for c in live.columns])) for row in made if row.num_rows]
    refused = set()
    rows = live.loadable(_joined(ready, live))
    for n, column, why in bisect.refused(context.target, connection, live.name, live.given, rows, LoadFailed):
        refused.add(n)
        stay[ready[n][0]] = Bad(ready[n][0][2], column, why if not plan.sensitive else "refused by the target")
    going = [row for n, row in enumerate(ready) if n not in refused]
    _commit(context, connection, turn, live, _joined(going, live), stay)
    done = Redriven(plan.name, len(going), len(turn.places) - len(going) - len(stay), len(stay))
    events.emit("redrive.finished", table=plan.name, rows=done.loaded, left=done.left)
    return done


def _rows(context: RunContext, plan: TablePlan, part: _Held) -> tuple[pa.RecordBatch, bool]:
    """The rows as the source gave them; or as they were transformed, where they can't be found again, and True."""
    found = quarantine.as_read(context.staging, part.manifest, plan)
    if found is None:
        return part.rows, True
    order = {place: n for n, place in enumerate(quarantine.places(context.staging, part.manifest))}
    return found.take(pa.array([order[e.place] for e in part.entries], pa.int64())), False


def _sift(context: RunContext, migration: Migration, plan: TablePlan, transformed: bool, live: Table) -> Sift:
    """The way of rows into the live table: through the steps as the file now says, unless they are `transformed` already.

    What a step makes is cast to what the live column now is.
    """
    source, steps = (plan.target, ()) if transformed else (plan.source, tuple(migration.spec_of(plan.name).transform))
    made = transforms.schema(source.columns, steps, f"{migration.path}: tables.{plan.name}")
    if {c.name for c in made} != {c.name for c in live.columns}:
        odd = ", ".join(sorted({c.name for c in made} ^ {c.name for c in live.columns}))
        what = f"the live table {live.name} has other columns than the steps make: {odd}"
        raise SwitchRefused(what, where=f"table {plan.name}", fix="let the steps make the columns that it has, or start a new run")
    into = tuple(live.column(c.name) for c in made)
    other = {c.name: str(to.type) for c, to in zip(made, into, strict=True) if c.type.arrow != to.type.arrow}
    steps = (*steps, ("cast", other)) if other else steps
    return Sift(source, steps, column_checks.of(context.target, replace(live, columns=into)), context.secrets, private_columns(plan))


def _joined(rows: Sequence[tuple[Place, pa.RecordBatch]], live: Table) -> pa.RecordBatch:
    schema = arrow_schema(live.columns)
    return whole(pa.Table.from_batches([pa.RecordBatch.from_arrays(row.columns, schema=schema) for _, row in rows], schema=schema))


def _commit(
    context: RunContext, connection: sa.Connection, turn: _Round, live: Table, rows: pa.RecordBatch, stay: Mapping[Place, Bad]
) -> None:
    """Load the rows and write down which they were, in one transaction, when they read back as they are."""
    plan, places, taken = turn.plan, turn.places, digest.of(rows, live.columns)
    with connection.begin():
        # were it at the same moment, the receipts' key would keep one of the two out
        if len(_rounds(context, connection, plan)) != turn.number:
            raise LoadFailed("somebody else has just re-driven these rows", f"table {plan.name}", fix="see what is left, and try again")
        keyed = bool(live.key) and all(live.column(c).type.name in _FINDABLE for c in live.key)
        before = Digest() if keyed else _standing(context, connection, live)
        if rows.num_rows:
            context.target.write(connection, live.name, live.given, [live.loadable(rows)])
            found = sum(_read_back(context, connection, live, rows), Digest()) if keyed else _standing(context, connection, live) - before
            if found != taken:
                what, why = f"what was re-driven into {live.name} does not read back as it was", f"loaded {taken}, read back {found}"
                fix = "nothing was changed; look at triggers and at who else writes there, then try again"
                raise LoadFailed(what, f"table {plan.name}", why, fix)
        gone = tuple(place for place in places if place not in stay)
        left = tuple(StillBad(*place, bad.column, bad.reason) for place, bad in stay.items())
        file = run_files.redriven(plan.name, turn.number)
        quarantine.taken(file).write(context.staging, Taken(gone, left))
        done = Redrive(
            table=plan.name,
            number=turn.number,
            taken=len(places),
            loaded=rows.num_rows,
            filtered=len(places) - rows.num_rows - len(stay),
            left=len(stay),
            digest=str(taken),
            file=file,
            sha256=context.staging.sha256(file),
        )
        journal.write_redrive(connection, context.plan.migration, context.plan.run, done)
        events.emit("redrive.loaded", table=plan.name, rows=rows.num_rows)


def _read_back(context: RunContext, connection: sa.Connection, live: Table, rows: pa.RecordBatch) -> Iterator[Digest]:
    """What stands in the live table under the keys of these rows."""
    target, key = context.target, [live.column(c) for c in live.key]
    for start in range(0, rows.num_rows, _KEYS_AT_ONCE):
        names = rows.slice(start, _KEYS_AT_ONCE).select([c.name for c in key]).to_pylist()
        found = [" AND ".join(f"{target.key_expression(c)} = {target.key_literal(_plain(row[c.name]), c)}" for c in key) for row in names]
        select = databases.select(target, live.name, live.columns, " OR ".join(f"({condition})" for condition in found))
        yield digest.total(target.read(connection, select, live.columns), live.columns)


def _plain(value: object) -> int | str:
    return value if isinstance(value, int) else str(value)


def _standing(context: RunContext, connection: sa.Connection, live: Table) -> Digest:
    """The digest of the whole live table: how rows without a key are found."""
    batches = context.target.read(connection, databases.select(context.target, live.name, live.columns), live.columns)
    return digest.total(batches, live.columns)
