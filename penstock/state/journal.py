"""The journal: tables in the target database, committed together with the data they speak of.

penstock_shadows   which run a shadow belongs to
penstock_receipts  chunks loaded and proved
penstock_switches  switches and their undoing, with the evidence they were made on
penstock_coverage  what of each table is proven, and by which run
penstock_pending   how many rows of a covered interval wait for another interval
penstock_turns     a row a migration, locked by the one run that is switching
penstock_approvals the one approval that counts for all runs of a backfill: which run asks for it, and the answer
penstock_keys      the random part of the key of each run whose staged rows are encrypted
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles

from penstock import databases
from penstock.databases import generic
from penstock.model.schema import TableName
from penstock.state.staging import Receipt

_METADATA = sa.MetaData()


class _Exact(sa.String):
    """A text of any script, in which case and accents count, whatever the target's own defaults are."""


@compiles(_Exact)
def _declared(type_: _Exact, compiler: Any, **_: object) -> str:
    """The type in a CREATE TABLE, as the target's database says."""
    database = databases.named(compiler.dialect.name) or generic.DATABASE
    return str(compiler.process(database.text_type(type_.length)))


def _name(length: int) -> _Exact:
    """A name of at most so many characters."""
    return _Exact(length)


_LONG = _Exact()

SHADOWS = sa.Table(
    "penstock_shadows",
    _METADATA,
    sa.Column("shadow", _name(250), primary_key=True),
    sa.Column("migration", _name(40), nullable=False),
    sa.Column("run", _name(280), nullable=False),
)
RECEIPTS = sa.Table(
    "penstock_receipts",
    _METADATA,
    sa.Column("run", _name(250), primary_key=True),
    sa.Column("table_name", _name(250), primary_key=True),
    sa.Column("stage", sa.String(16), primary_key=True),
    sa.Column("chunk", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("migration", _name(40), nullable=False),
    sa.Column("row_count", sa.BigInteger, nullable=False),
    sa.Column("digest", sa.String(80), nullable=False),
    sa.Column("at", sa.String(40), nullable=False),
    sa.Column("receipt", _LONG, nullable=False),
)
SWITCHES = sa.Table(
    "penstock_switches",
    _METADATA,
    sa.Column("token", sa.String(16), primary_key=True),
    sa.Column("migration", _name(40), nullable=False),
    sa.Column("run", _name(250), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("at", sa.String(40), nullable=False),
    sa.Column("keep_until", sa.String(40), nullable=False),
    sa.Column("position", _LONG, nullable=True),
    sa.Column("moves", _LONG, nullable=False),
    sa.Column("replaced", _LONG, nullable=False),
    sa.Column("evidence", _LONG, nullable=False),
)
COVERAGE = sa.Table(
    "penstock_coverage",
    _METADATA,
    sa.Column("migration", _name(40), primary_key=True),
    sa.Column("table_name", _name(250), primary_key=True),
    sa.Column("low", sa.String(40), primary_key=True),
    sa.Column("high", sa.String(40), primary_key=True),
    sa.Column("run", _name(250), nullable=False),
    sa.Column("token", sa.String(16), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("row_count", sa.BigInteger, nullable=False),
    sa.Column("digest", sa.String(80), nullable=False),
    sa.Column("rows_read", sa.BigInteger, nullable=False),
    sa.Column("source", sa.String(80), nullable=False),
    sa.Column("read_at", sa.String(40), nullable=False),
    sa.Column("at", sa.String(40), nullable=False),
    sa.Column("why", _LONG, nullable=False),
    sa.Column("watermark", sa.String(40), nullable=False),
    sa.Column("whole_at", sa.String(40), nullable=False),
)
PENDING = sa.Table(
    "penstock_pending",
    _METADATA,
    sa.Column("migration", _name(40), primary_key=True),
    sa.Column("table_name", _name(250), primary_key=True),
    sa.Column("low", sa.String(40), primary_key=True),
    sa.Column("high", sa.String(40), primary_key=True),
    sa.Column("row_count", sa.BigInteger, nullable=False),
)
TURNS = sa.Table(
    "penstock_turns",
    _METADATA,
    sa.Column("migration", _name(40), primary_key=True),
    sa.Column("turn", sa.BigInteger, nullable=False),
)
APPROVALS = sa.Table(
    "penstock_approvals",
    _METADATA,
    sa.Column("migration", _name(40), primary_key=True),
    sa.Column("backfill", _name(80), primary_key=True),
    sa.Column("run", _name(250), nullable=False),
    sa.Column("asked_at", sa.String(40), nullable=False),
    sa.Column("answer", sa.String(16), nullable=False),
    sa.Column("by", _name(250), nullable=False),
    sa.Column("at", sa.String(40), nullable=False),
    sa.Column("rejected", sa.BigInteger, nullable=False),
    sa.Column("warned", _LONG, nullable=False),
)
KEYS = sa.Table(
    "penstock_keys",
    _METADATA,
    sa.Column("migration", _name(40), primary_key=True),
    sa.Column("run", _name(250), primary_key=True),
    sa.Column("random", sa.String(64), nullable=False),
    sa.Column("area", sa.String(64), nullable=False),
    sa.Column("at", sa.String(40), nullable=False),
)
NAMES = frozenset(_METADATA.tables)


@dataclass(frozen=True)
class Switch:
    """A switch as the journal has it. state: switching, switched, undoing, undone, finished.

    moves: (live, shadow, kept or None where nothing served before), one for each table that was moved.
    replaced: the same for each table of which rows were replaced: `kept` has those that gave place.
    position: where the source stood, for sources that can say.
    """

    token: str
    migration: str
    run: str
    state: str
    at: str
    keep_until: str
    moves: tuple[tuple[TableName, TableName, TableName | None], ...]
    evidence: dict[str, Any]
    replaced: tuple[tuple[TableName, TableName, TableName | None], ...] = ()
    position: str | None = None


def now() -> str:
    """This instant, UTC, as text that sorts."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="microseconds")


def create(connection: sa.Connection) -> None:
    """Make the journal's tables where they are not there yet, in transactions of its own."""
    for others in range(len(NAMES), -1, -1):
        try:
            with connection.begin():
                return _METADATA.create_all(connection)
        except sa.exc.DBAPIError:
            if not others:  # each failure but the last may be a table that another run has made at the same moment
                raise


def exists(connection: sa.Connection) -> bool:
    """Whether there is a journal: nothing has ever been loaded into a target without one."""
    return sa.inspect(connection).has_table(SWITCHES.name)


def shadow_owner(connection: sa.Connection, shadow: TableName) -> tuple[str, str] | None:
    """The (migration, run) that a shadow belongs to, None when it isn't ours."""
    row = connection.execute(sa.select(SHADOWS.c.migration, SHADOWS.c.run).where(SHADOWS.c.shadow == str(shadow))).first()
    return (row[0], row[1]) if row else None


def shadow_owners(connection: sa.Connection) -> dict[str, tuple[str, str]]:
    """The (migration, run) that each shadow belongs to, by the shadow's name as text."""
    return {row[0]: (row[1], row[2]) for row in connection.execute(sa.select(SHADOWS.c.shadow, SHADOWS.c.migration, SHADOWS.c.run))}


def claim_shadows(connection: sa.Connection, shadows: Sequence[TableName], migration: str, run: str) -> None:
    """Write down, before they are made, that these shadows are this run's."""
    rows = [{"shadow": str(shadow), "migration": migration, "run": run} for shadow in shadows]
    connection.execute(SHADOWS.delete().where(SHADOWS.c.shadow == sa.bindparam("old")), [{"old": r["shadow"]} for r in rows])
    connection.execute(SHADOWS.insert(), rows)


def release_shadow(connection: sa.Connection, shadow: TableName) -> None:
    connection.execute(SHADOWS.delete().where(SHADOWS.c.shadow == str(shadow)))


def write_receipt(connection: sa.Connection, migration: str, run: str, receipt: Receipt) -> None:
    """Record a chunk in the caller's transaction; an older receipt of the same chunk is replaced."""
    mine = _asked(run, receipt)
    # looked for first: InnoDB locks the gap where a deleted row could be, and writers abreast would wait for each other in a circle
    if connection.execute(_LOOK, mine).first():
        connection.execute(_FORGET, mine)
    connection.execute(_WRITE, _row(migration, run, receipt))


def write_receipts(connection: sa.Connection, migration: str, run: str, stage: str, made: Sequence[Receipt]) -> None:
    """Record many chunks of one stage at once, in the caller's transaction, each in the place of an older receipt of it."""
    there = all_receipts(connection, run, stage)
    if before := [r for r in made if (r.table, r.chunk) in there]:
        connection.execute(_FORGET, [_asked(run, r) for r in before])
    if made:
        connection.execute(_WRITE, [_row(migration, run, r) for r in made])


# written once: to put such a statement together takes longer than to send it
_MINE = (
    RECEIPTS.c.run == sa.bindparam("of_run"),
    RECEIPTS.c.table_name == sa.bindparam("of_table"),
    RECEIPTS.c.stage == sa.bindparam("of_stage"),
    RECEIPTS.c.chunk == sa.bindparam("of_chunk"),
)
_LOOK = sa.select(RECEIPTS.c.chunk).where(*_MINE)
_FORGET = RECEIPTS.delete().where(*_MINE)
_WRITE = RECEIPTS.insert()


def _asked(run: str, receipt: Receipt) -> dict[str, Any]:
    """What `_MINE` asks for."""
    return {"of_run": run, "of_table": receipt.table, "of_stage": receipt.stage, "of_chunk": receipt.chunk}


def _row(migration: str, run: str, receipt: Receipt) -> dict[str, Any]:
    return {
        "run": run,
        "table_name": receipt.table,
        "stage": receipt.stage,
        "chunk": receipt.chunk,
        "migration": migration,
        "row_count": receipt.rows,
        "digest": receipt.digest,
        "at": now(),
        "receipt": json.dumps(asdict(receipt)),
    }


def receipts(connection: sa.Connection, run: str, stage: str, table: str) -> list[Receipt]:
    """A run's receipts of one stage and table, by chunk."""
    query = sa.select(RECEIPTS.c.receipt).where(RECEIPTS.c.run == run, RECEIPTS.c.stage == stage, RECEIPTS.c.table_name == table)
    return [Receipt(**json.loads(row[0])) for row in connection.execute(query.order_by(RECEIPTS.c.chunk))]


def all_receipts(connection: sa.Connection, run: str, stage: str) -> dict[tuple[str, int], Receipt]:
    """A run's receipts of one stage by table and chunk."""
    query = sa.select(RECEIPTS.c.receipt).where(RECEIPTS.c.run == run, RECEIPTS.c.stage == stage)
    found = (Receipt(**json.loads(row[0])) for row in connection.execute(query))
    return {(r.table, r.chunk): r for r in found}


def write_pending(connection: sa.Connection, migration: str, table: str, counts: Sequence[tuple[str, str, int]]) -> None:
    """Replace what is written of a table's pending rows: (low, high, rows) of each interval that has some."""
    of = (PENDING.c.migration == migration, PENDING.c.table_name == table)
    if connection.execute(sa.select(PENDING.c.low).where(*of)).first():
        connection.execute(PENDING.delete().where(*of))
    rows = [{"migration": migration, "table_name": table, "low": low, "high": high, "row_count": count} for low, high, count in counts]
    if rows:
        connection.execute(PENDING.insert(), rows)


def pending(connection: sa.Connection, migration: str) -> dict[tuple[str, str, str], int]:
    """How many rows wait for another interval, by table and interval (low, high); none where there is no journal yet."""
    if not sa.inspect(connection).has_table(PENDING.name):
        return {}
    query = sa.select(PENDING).where(PENDING.c.migration == migration)
    return {(row["table_name"], row["low"], row["high"]): int(row["row_count"]) for row in connection.execute(query).mappings()}


def forget_receipts(connection: sa.Connection, run: str) -> None:
    """Drop a run's receipts, because its shadows are made anew."""
    connection.execute(RECEIPTS.delete().where(RECEIPTS.c.run == run))


@dataclass(frozen=True)
class Key:
    """The random part of a run's key. area: SHA-256 of the URL of the staging area that it belongs to.  at: when it was made."""

    migration: str
    run: str
    random: str = field(repr=False)
    area: str
    at: str


def keys(connection: sa.Connection, migration: str, run: str | None = None) -> list[Key]:
    """The keys of a migration's runs, or of one; none where the journal is older than this table."""
    if not sa.inspect(connection).has_table(KEYS.name):
        return []
    query = sa.select(KEYS).where(KEYS.c.migration == migration)
    found = connection.execute(query if run is None else query.where(KEYS.c.run == run)).mappings()
    return [Key(**dict(row)) for row in found]


def write_key(connection: sa.Connection, key: Key) -> None:
    """Record a run's key in the caller's transaction. Raises sqlalchemy.exc.IntegrityError when it has one already."""
    connection.execute(KEYS.insert().values(**asdict(key)))


def forget_key(connection: sa.Connection, migration: str, run: str) -> None:
    """Delete a run's key: whatever is left of its encrypted files can never be read again."""
    if sa.inspect(connection).has_table(KEYS.name):
        connection.execute(KEYS.delete().where(KEYS.c.migration == migration, KEYS.c.run == run))


def write_switch(connection: sa.Connection, switch: Switch) -> None:
    """Record a switch; an older record with the same token is replaced."""
    connection.execute(SWITCHES.delete().where(SWITCHES.c.token == switch.token))
    places = {part: json.dumps([[_place(n) for n in move] for move in getattr(switch, part)]) for part in ("moves", "replaced")}
    values = asdict(switch) | places | {"evidence": json.dumps(switch.evidence)}
    connection.execute(SWITCHES.insert().values(**values))


def switches(connection: sa.Connection, migration: str, states: Sequence[str]) -> list[Switch]:
    """A migration's switches in these states, newest first."""
    query = sa.select(SWITCHES).where(SWITCHES.c.migration == migration, SWITCHES.c.state.in_(states)).order_by(SWITCHES.c.at.desc())
    found = []
    for row in connection.execute(query).mappings():
        places = {part: tuple(tuple(map(_named, move)) for move in json.loads(row[part])) for part in ("moves", "replaced")}
        found.append(Switch(**(dict(row) | places | {"evidence": json.loads(row["evidence"])})))
    return found


def _place(name: TableName | None) -> list[str | None] | None:
    return None if name is None else [name.name, name.schema]


def _named(place: list[Any] | None) -> TableName | None:
    return None if place is None else TableName(*place)
