"""The journal: tables in the target database, committed together with the data they speak of.

penstock/state/journal_tables.py has the tables; penstock/state/coverage.py and approvals.py read and write theirs.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import sqlalchemy as sa

from penstock.model.schema import TableName
from penstock.state import journal_version
from penstock.state.evidence import Proof
from penstock.state.journal_tables import KEYS, METADATA, PENDING, RECEIPTS, SHADOWS, SWITCHES
from penstock.state.staging import Receipt
from penstock.state.switch_evidence import Evidence

NAMES = frozenset(METADATA.tables)


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
    evidence: Evidence
    replaced: tuple[tuple[TableName, TableName, TableName | None], ...] = ()
    position: str | None = None


def now() -> str:
    """This instant, UTC, as text that sorts."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="microseconds")


def create(connection: sa.Connection) -> None:
    """Make the journal, or bring an older one up to date, in transactions of its own. Raises JournalNewer."""
    journal_version.bring_up_to_date(connection)


def exists(connection: sa.Connection) -> bool:
    """Whether there is a journal: nothing has ever been loaded into a target without one. Raises JournalNewer."""
    return journal_version.has(connection, SWITCHES)


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
    mine = {"of_migration": migration, "of_run": run, "of_table": receipt.table, "of_stage": receipt.stage, "of_chunk": receipt.chunk}
    # looked for first: InnoDB locks the gap where a deleted row could be, and writers abreast would wait for each other in a circle
    if connection.execute(_LOOK, mine).first():
        connection.execute(_FORGET, mine)
    _insert(connection, migration, run, [asdict(receipt)])


def write_built(connection: sa.Connection, migration: str, run: str, numbers: Sequence[int]) -> None:
    """Record, in the caller's transaction, that these of the numbered statements of the build have run."""
    there = built(connection, migration, run)
    _insert(connection, migration, run, [_books("", "built", n, 0, 0, "") for n in numbers if n not in there])


def built(connection: sa.Connection, migration: str, run: str) -> set[int]:
    """The numbers of the statements of the build that have run."""
    query = sa.select(RECEIPTS.c.chunk).where(*_of(migration, run), RECEIPTS.c.stage == "built")
    return {int(row[0]) for row in connection.execute(query)}


def write_proof(connection: sa.Connection, migration: str, run: str, proof: Proof) -> None:
    """Record the proof of every table in the caller's transaction, each in the place of an older one."""
    of_run = (*_of(migration, run), RECEIPTS.c.stage == "proved")
    if connection.execute(sa.select(RECEIPTS.c.chunk).where(*of_run)).first():
        connection.execute(RECEIPTS.delete().where(*of_run))
    _insert(connection, migration, run, [_books(p.table, "proved", 0, p.rows, p.rows, p.target, seconds=p.seconds) for p in proof.tables])


@dataclass(frozen=True)
class Redrive:
    """One re-drive of the quarantined rows of a table. number: from 0.

    taken, loaded, filtered, left: how many rows were looked at, are live now, were left out by a filter, and stay.
    digest: of the loaded rows.  file, sha256: the record in staging of which rows they were.
    """

    table: str
    number: int
    taken: int
    loaded: int
    filtered: int
    left: int
    digest: str
    file: str
    sha256: str


def write_redrive(connection: sa.Connection, migration: str, run: str, done: Redrive) -> None:
    """Record a re-drive in the caller's transaction. Raises sqlalchemy.exc.IntegrityError when one of that number is there already."""
    more = {"filtered": done.filtered, "rejected": done.left, "file": done.file, "sha256": done.sha256}
    _insert(connection, migration, run, [_books(done.table, "redriven", done.number, done.taken, done.loaded, done.digest, **more)])


def redrives(connection: sa.Connection, migration: str, run: str, table: str) -> list[Redrive]:
    """The re-drives of a table of a run, in their order."""
    query = sa.select(RECEIPTS).where(*_of(migration, run), RECEIPTS.c.stage == "redriven", RECEIPTS.c.table_name == table)
    found = []
    for row in connection.execute(query.order_by(RECEIPTS.c.chunk)).mappings():
        kept = json.loads(row["receipt"])
        counts = {"taken": kept["rows_in"], "filtered": kept["filtered"], "left": kept["rejected"]}
        place = {"file": kept["file"], "sha256": kept["sha256"]}
        found.append(Redrive(table, row["chunk"], loaded=row["row_count"], digest=row["digest"], **counts, **place))
    return found


def _books(table: str, stage: str, chunk: int, rows_in: int, rows: int, digest: str, **more: Any) -> dict[str, Any]:
    """The record of a row of penstock_receipts. As in every receipt, rows_in = rows + rejected + filtered."""
    record = {"table": table, "stage": stage, "chunk": chunk, "rows_in": rows_in, "rows": rows, "digest": digest}
    return {**record, "rejected": 0, "filtered": 0, **more}


# written once: to put such a statement together takes longer than to send it
_MINE = (
    RECEIPTS.c.migration == sa.bindparam("of_migration"),
    RECEIPTS.c.run == sa.bindparam("of_run"),
    RECEIPTS.c.table_name == sa.bindparam("of_table"),
    RECEIPTS.c.stage == sa.bindparam("of_stage"),
    RECEIPTS.c.chunk == sa.bindparam("of_chunk"),
)
_LOOK = sa.select(RECEIPTS.c.chunk).where(*_MINE)
_FORGET = RECEIPTS.delete().where(*_MINE)
_WRITE = RECEIPTS.insert()


def _insert(connection: sa.Connection, migration: str, run: str, records: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows in the caller's transaction. A single one is sent as such: an insert of many is put together anew each time."""
    values = [
        {
            "run": run,
            "table_name": record["table"],
            "stage": record["stage"],
            "chunk": record["chunk"],
            "migration": migration,
            "row_count": record["rows"],
            "digest": record["digest"],
            "at": now(),
            "receipt": json.dumps(record),
        }
        for record in records
    ]
    if values:
        connection.execute(_WRITE, values if len(values) > 1 else values[0])


def _of(migration: str, run: str) -> tuple[sa.ColumnElement[bool], ...]:
    """The condition of a run's rows in penstock_receipts. Runs of two migrations may have one id."""
    return RECEIPTS.c.migration == migration, RECEIPTS.c.run == run


def all_receipts(connection: sa.Connection, migration: str, run: str, stage: str) -> dict[tuple[str, int], Receipt]:
    """A run's receipts of one stage by table and chunk."""
    query = sa.select(RECEIPTS.c.receipt).where(*_of(migration, run), RECEIPTS.c.stage == stage)
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
    if not journal_version.has(connection, PENDING):
        return {}
    query = sa.select(PENDING).where(PENDING.c.migration == migration)
    return {(row["table_name"], row["low"], row["high"]): int(row["row_count"]) for row in connection.execute(query).mappings()}


def forget_receipts(connection: sa.Connection, migration: str, run: str) -> None:
    """Drop a run's receipts, because its shadows are made anew."""
    connection.execute(RECEIPTS.delete().where(*_of(migration, run)))


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
    if not journal_version.has(connection, KEYS):
        return []
    query = sa.select(KEYS).where(KEYS.c.migration == migration)
    found = connection.execute(query if run is None else query.where(KEYS.c.run == run)).mappings()
    return [Key(**dict(row)) for row in found]


def write_key(connection: sa.Connection, key: Key) -> None:
    """Record a run's key in the caller's transaction. Raises sqlalchemy.exc.IntegrityError when it has one already."""
    connection.execute(KEYS.insert().values(**asdict(key)))


def forget_key(connection: sa.Connection, migration: str, run: str) -> None:
    """Delete a run's key: whatever is left of its encrypted files can never be read again."""
    if journal_version.has(connection, KEYS):
        connection.execute(KEYS.delete().where(KEYS.c.migration == migration, KEYS.c.run == run))


def write_switch(connection: sa.Connection, switch: Switch) -> None:
    """Record a switch; an older record with the same token is replaced."""
    connection.execute(SWITCHES.delete().where(SWITCHES.c.token == switch.token))
    places = {part: json.dumps([[_place(n) for n in move] for move in getattr(switch, part)]) for part in ("moves", "replaced")}
    texts = {part: getattr(switch, part) for part in ("token", "migration", "run", "state", "at", "keep_until", "position")}
    connection.execute(SWITCHES.insert().values(**texts, **places, evidence=switch.evidence.to_json()))


def forget_unfinished_switch(connection: sa.Connection, token: str) -> None:
    """Delete the record of the switch with this token if its one statement has not run."""
    connection.execute(SWITCHES.delete().where(SWITCHES.c.token == token, SWITCHES.c.state == "switching"))


def switches(connection: sa.Connection, migration: str | None, states: Sequence[str]) -> list[Switch]:
    """The switches in these states, newest first: of a migration, or (None) of all migrations into this target."""
    query = sa.select(SWITCHES).where(SWITCHES.c.state.in_(states)).order_by(SWITCHES.c.at.desc())
    if migration is not None:
        query = query.where(SWITCHES.c.migration == migration)
    found = []
    for row in connection.execute(query).mappings():
        places = {part: tuple(tuple(map(_named, move)) for move in json.loads(row[part])) for part in ("moves", "replaced")}
        found.append(Switch(**(dict(row) | places | {"evidence": Evidence.from_json(row["evidence"])})))
    return found


def last_switched(connection: sa.Connection) -> dict[TableName, Switch]:
    """By live table, the last switch, of any migration, that made rows of it live and was not undone."""
    found: dict[TableName, Switch] = {}
    for made in switches(connection, None, ["switched", "undoing", "finished"]):
        for live, _, _ in (*made.moves, *made.replaced):
            found.setdefault(live, made)
    return found


def _place(name: TableName | None) -> list[str | None] | None:
    return None if name is None else [name.name, name.schema]


def _named(place: list[Any] | None) -> TableName | None:
    return None if place is None else TableName(*place)
