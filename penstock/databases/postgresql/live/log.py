"""PostgreSQL's changes by logical replication: a slot and a publication for a run, and the stream of pgoutput.

Manual: https://www.postgresql.org/docs/current/logicaldecoding.html
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import sqlalchemy as sa
from psycopg import pq

from penstock.databases import execute
from penstock.databases._shared.ansi import fitted, literal, qualified, quoted
from penstock.databases.change_log import ChangeLog, ChangeReader, Followed, Freeze, Held, RowImages, Start, Stream
from penstock.databases.postgresql.live import change_rows, demands, freezing, numbers, shapes, wire
from penstock.databases.postgresql.live import position as lsn
from penstock.databases.postgresql.live.pgoutput import PREFIX, Reader
from penstock.databases.postgresql.live.wire import Wire
from penstock.errors import LockRefused, Problem, ReadFailed, StreamLost
from penstock.model import address
from penstock.model.schema import Column, TableName

_PATIENCE = 60.0  # seconds that a new slot waits for open transactions
_NEW_RUN = "start a new run (`penstock run --new`): it takes a new snapshot"
_SLOT = sa.text("""
SELECT plugin, database, wal_status, confirmed_flush_lsn::text, current_database()
FROM pg_replication_slots WHERE slot_name = :slot
""")
_PUBLISHED = sa.text("""
SELECT n.nspname, c.relname FROM pg_publication p JOIN pg_publication_rel r ON r.prpubid = p.oid
JOIN pg_class c ON c.oid = r.prrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE p.pubname = :name AND p.pubviaroot AND p.pubinsert AND p.pubupdate AND p.pubdelete AND p.pubtruncate
""")
_HELD = sa.text("""
SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::bigint, safe_wal_size FROM pg_replication_slots WHERE slot_name = :slot
""")


class Log(ChangeLog):
    """As `ChangeLog` says."""

    def problems(self, connection: sa.Connection, stream: tuple[str, str], tables: Sequence[Followed]) -> list[Problem]:
        return demands.problems(connection, _published(connection, stream[1]), stream[1], tables)

    def names(self, migration: str, token: str) -> tuple[str, str]:
        plain = re.sub(r"[^a-z0-9_]", "_", migration)
        return fitted(f"penstock_{plain}_{token}", 63), fitted(f"penstock_{plain}", 63)

    @contextmanager
    def begin(self, engine: sa.Engine, names: tuple[str, str], tables: Sequence[Followed]) -> Iterator[Start]:
        slot, publication = names
        with engine.connect() as connection:
            _drop_slot(connection, slot)
            _publish(connection, publication, tables)
        with wire.connected(engine) as replication, _named(engine):
            server = _server(replication)
            at, snapshot = wire.create_slot(replication, slot, _PATIENCE)
            with engine.connect() as reading:
                self.join(snapshot, [reading])
                found = {t.name: shapes.of(reading, t) for t in tables}
            yield Start(Stream(slot, publication, server, found), lsn.parse(at), snapshot)

    @contextmanager
    def instant(self, engine: sa.Engine) -> Iterator[tuple[int, str]]:
        with wire.connected(engine) as replication, _named(engine):
            at, snapshot = wire.create_slot(replication, f"penstock_instant_{secrets.token_hex(4)}", _PATIENCE, temporary=True)
            yield lsn.parse(at), snapshot

    def join(self, snapshot: str, connections: Sequence[sa.Connection]) -> None:
        for connection in connections:
            execute(connection, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            execute(connection, f"SET TRANSACTION SNAPSHOT {literal(snapshot)}")

    @contextmanager
    def read(self, engine: sa.Engine, stream: Stream, tables: Sequence[Followed], position: int) -> Iterator[ChangeReader]:
        where = address.shown(engine.url)
        with engine.connect() as connection:
            _check_slot(connection, stream, position, where)
            _check_published(connection, stream, tables, where)
        with wire.connected(engine) as replication:
            _check_server(_server(replication), stream, position, where)
            opened = Wire(replication, where, position)
            opened.start(stream.slot, stream.publication, self.shown(position))
            try:
                yield Reader(opened, tables, stream.shapes)
            finally:
                opened.stop()

    def rows(self, changes: list[bytes], columns: Sequence[Column]) -> RowImages:
        return change_rows.rows(changes, columns)

    def changed(self, connection: sa.Connection, stream: Stream, tables: Sequence[Followed]) -> None:
        shapes.check(connection, stream, tables)

    def end(self, connection: sa.Connection, names: tuple[str, str]) -> None:
        _drop_slot(connection, names[0])
        ours = "SELECT count(*) FROM pg_publication WHERE pubname = :name AND pg_has_role(pubowner, 'USAGE')"
        with connection.begin():
            if connection.execute(sa.text(ours), {"name": names[1]}).scalar_one():
                execute(connection, f"DROP PUBLICATION {quoted(names[1])}")

    def now(self, connection: sa.Connection) -> int:
        return lsn.parse(str(execute(connection, "SELECT pg_current_wal_lsn()::text").scalar_one()))

    def held(self, connection: sa.Connection, stream: Stream) -> Held:
        row = connection.execute(_HELD, {"slot": stream.slot}).first()
        return Held(int(row[0] or 0), None if row[1] is None else int(row[1])) if row else Held(0, None)

    def mark(self, connection: sa.Connection, text: str) -> None:
        execute(connection, f"SELECT pg_logical_emit_message(true, {literal(PREFIX)}, {literal(text)})")

    def freeze(self, connection: sa.Connection, freeze: Freeze) -> None:
        freezing.freeze(connection, freeze, self.mark)

    def unfreeze(self, connection: sa.Connection, tables: Sequence[TableName]) -> None:
        freezing.unfreeze(connection, tables)

    def next_numbers(self, connection: sa.Connection, tables: Sequence[TableName]) -> dict[tuple[TableName, str], int]:
        return numbers.following(connection, tables)

    def shown(self, position: int) -> str:
        return lsn.shown(position)


@contextmanager
def _named(engine: sa.Engine) -> Iterator[None]:
    """Why a slot can't be made, as a fault."""
    try:
        yield
    except TimeoutError:
        raise LockRefused(
            "the source did not give a snapshot that changes can be read from",
            where=address.shown(engine.url),
            why=f"transactions that write were open for more than {_PATIENCE:.0f} seconds",
            fix="see pg_stat_activity for the oldest xact_start; run the same command again when it has ended",
        ) from None
    except wire.Refused as refused:
        fix = "see what `penstock check` says of the source"
        raise ReadFailed("the source can't be followed", address.shown(engine.url), str(refused), fix) from None


def _drop_slot(connection: sa.Connection, slot: str) -> None:
    """Drop a slot of ours where it is there; the session that still reads it is ended first."""
    there = sa.text("SELECT active_pid FROM pg_replication_slots WHERE slot_name = :slot")
    with connection.begin():
        for pid in connection.execute(there, {"slot": slot}).scalars().all():
            if pid is not None:
                connection.execute(sa.text("SELECT pg_terminate_backend(:pid, 10000)"), {"pid": pid})
            connection.execute(sa.text("SELECT pg_drop_replication_slot(:slot)"), {"slot": slot})


def _published(connection: sa.Connection, publication: str) -> frozenset[TableName]:
    """The tables of a publication that has all that is needed; none where it is not there."""
    return frozenset(TableName(name, schema) for schema, name in connection.execute(_PUBLISHED, {"name": publication}))


def _publish(connection: sa.Connection, publication: str, tables: Sequence[Followed]) -> None:
    """See to it that the publication has these tables. One that has others is made anew."""
    wanted = ", ".join(qualified(t.place) for t in tables)
    with connection.begin():
        if _published(connection, publication) >= {t.place for t in tables}:
            return
        execute(connection, f"DROP PUBLICATION IF EXISTS {quoted(publication)}")
        execute(connection, f"CREATE PUBLICATION {quoted(publication)} FOR TABLE {wanted} WITH (publish_via_partition_root = true)")


def _server(replication: pq.abc.PGconn) -> str:
    """The mark of the server, its history and the database."""
    system, timeline, _, database = wire.ask(replication, "IDENTIFY_SYSTEM")
    return f"{system}/{timeline}/{database}"


def _check_server(now: str, stream: Stream, at: int, where: str) -> None:
    if now != stream.server:
        raise StreamLost(
            "the source is another server, or has another history, than when the stream began",
            where=where,
            why=f"its system identifier, timeline and database are {now}, they were {stream.server}; read up to {lsn.shown(at)}",
            fix=f"connect to the server that the run began with, or {_NEW_RUN}",
        )


def _check_slot(connection: sa.Connection, stream: Stream, at: int, where: str) -> None:
    """Raise StreamLost where the slot does not go on from a position."""
    what, why = f"the replication slot {stream.slot} can't go on from {lsn.shown(at)}", ""
    row = connection.execute(_SLOT, {"slot": stream.slot}).first()
    if row is None:
        why = "it is not there: somebody has dropped it, or the source is another server"
    elif row[0] != "pgoutput" or row[1] != row[4]:
        why = f"it is of the plugin {row[0]} and of the database {row[1]}: somebody has made it anew"
    elif row[2] == "lost":
        why = "the source has removed the log that it needs: the slot fell behind by more than max_slot_wal_keep_size"
    elif row[3] and lsn.parse(row[3]) > at:
        why = f"it begins at {row[3]}: somebody has made it anew, or has moved it on"
    if why:
        raise StreamLost(what, where, why, _NEW_RUN)


def _check_published(connection: sa.Connection, stream: Stream, tables: Sequence[Followed], where: str) -> None:
    if missing := sorted(str(t.place) for t in tables if t.place not in _published(connection, stream.publication)):
        what = f"the publication {stream.publication} lacks {', '.join(missing)}"
        raise StreamLost(what, where, "somebody has changed it, or the table was dropped", _NEW_RUN)
