"""PostgreSQL's stream of changes: every value as a SELECT gives it, transactions whole and in the order of their commits, no gap."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import psycopg
import pyarrow as pa
import pytest
import sqlalchemy as sa

from penstock import _native, databases
from penstock.databases.change_log import Began, Change, Committed, Event, Followed, Idle, Marked, Silent, Start, Truncated
from penstock.databases.postgresql import DATABASE
from penstock.databases.postgresql.live import change_rows, plain_changes, position
from penstock.errors import SchemaChanged, StreamLost
from penstock.model import digest
from penstock.model.schema import arrow_schema

LOG = DATABASE.change_log
assert LOG is not None


@pytest.fixture
def source(postgresql_url: sa.URL) -> Iterator[psycopg.Connection]:
    address = postgresql_url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address, autocommit=True) as connection:
        yield connection


def followed(url: sa.URL, *names: str) -> list[Followed]:
    with databases.engine(DATABASE, url, "source").connect() as connection:
        tables = DATABASE.inspect(connection, "public", names or None)
    return [Followed(t.name.name, t.name, t.given, t.key, False) for t in tables]


@contextmanager
def begun(url: sa.URL, tables: list[Followed]) -> Iterator[Start]:
    """A stream, which is dropped at the end."""
    engine, names = databases.engine(DATABASE, url, "source"), LOG.names("shop-1", "0a1b2c3d")
    with LOG.begin(engine, names, tables) as start:
        yield start
    with engine.connect() as connection:
        LOG.end(connection, names)


def read(url: sa.URL, start: Start, tables: list[Followed], at: int = 0, until: Callable[[Event], bool] = lambda e: False) -> list[Event]:
    """The events from a position on until the log ends now, or until one of them."""
    engine, found = databases.engine(DATABASE, url, "source"), list[Event]()
    with engine.connect() as connection:
        end = LOG.now(connection)
    with LOG.read(engine, start.stream, tables, at or start.position) as reader:
        for event in reader.events(2):
            if isinstance(event, Silent) or (isinstance(event, Idle | Committed) and event.position >= end):
                found += [event] if isinstance(event, Committed) else []
                break
            if not isinstance(event, Idle | Began):
                found.append(event)
            if until(event):
                break
    return found


def changes(events: list[Event], table: str) -> list[bytes]:
    return [e.data for e in events if isinstance(e, Change) and e.table == table]


def test_every_value_of_a_change_is_what_a_select_gives(source: psycopg.Connection, postgresql_url: sa.URL) -> None:
    """Each type in a table of its own, beside a key: the digest of the inserted rows is that of the rows selected."""
    samples = {
        "boolean": ["true", "false"],
        "smallint": ["-32768", "7"],
        "integer": ["-2147483648"],
        "bigint": ["9223372036854775807"],
        "numeric": ["'NaN'", "1e-30", "-12345678901234567890.5"],
        "numeric(12,4)": ["-1.5000", "99999999.9999"],
        "numeric(60,20)": ["12345678901234567890123456789012345678.12345678901234567890"],
        "real": ["1.1", "'NaN'", "'-Infinity'", "3e-38", "'-0'"],
        "double precision": ["0.1", "1e308", "'Infinity'", "'-0'"],
        "text": ["''", r"E'a\tb\n\\c'", "'ü€😀'"],
        "varchar(5)": ["'ab  '"],
        "char(6)": ["'ab'", "''"],
        "bytea": [r"'\x00ff10'", "''"],
        "date": ["'0001-01-01'", "'9999-12-31'", "'2024-02-29'"],
        "time": ["'23:59:59.999999'", "'00:00'"],
        "timetz": ["'12:30:00.5+05:30'"],
        "timestamp": ["'0001-01-01'", "'2024-06-30 23:59:59.000001'", "'9999-12-31 23:59:59.999999'"],
        "timestamptz": ["'2024-06-30 23:59:59.5+02'", "'0001-01-02'"],
        "interval": ["'1 year -2 mons 3 days -04:05:06.000007'", "'-0.000001 s'", "'00:00'", "'-5 days 26 hours'"],
        "jsonb": ["""'{"b":1, "a":[null]}'"""],
        "json": ["""' {"b" : 1}'"""],
        "uuid": ["'00000000-0000-4000-8000-000000000001'"],
        "inet": ["'10.0.0.1'", "'10.0.0.1/8'", "'::1'"],
        "cidr": ["'10.0.0.0/8'"],
        "macaddr": ["'08:00:2b:01:02:03'"],
        "bit(5)": ["B'10101'"],
        "bit varying(9)": ["B''", "B'101'"],
        "int4range": ["'[1,5)'", "'empty'"],
        "text[]": ["""'{a,NULL,"b c",""}'""", "'{{1,2},{3,4}}'"],
        "numeric[]": ["'[0:1]={1.5,NaN}'"],
        "money": ["'-1234.50'", "'0.01'"],
        "point": ["'(1.5,2)'"],
        "mood": ["'ok'", "'not ''so'' ok'"],
        "xml": ["'<a b=\"1\"/>'"],
    }
    source.execute("CREATE TYPE mood AS ENUM ('ok', 'not ''so'' ok')")
    for n, name in enumerate(samples):
        source.execute(f"CREATE TABLE t{n} (id int PRIMARY KEY, v {name})")
    tables = followed(postgresql_url)
    with begun(postgresql_url, tables) as start:
        for n, values in enumerate(samples.values()):
            for number, value in enumerate([*values, "NULL"]):
                source.execute(f"INSERT INTO t{n} VALUES ({number}, {value})")
        events = read(postgresql_url, start, tables)
    with databases.engine(DATABASE, postgresql_url, "source").connect() as connection:
        for table in tables:
            found = LOG.rows(changes(events, table.name), table.columns)
            assert set(found.kinds.to_pylist()) == {"N"} and found.left_out.null_count == len(found.left_out)
            expected = pa.Table.from_batches(
                DATABASE.read(connection, databases.select(DATABASE, table.place, table.columns), table.columns),
                arrow_schema(table.columns),
            )
            of = list(samples)[int(table.name[1:])]
            assert digest.of(found.rows, table.columns) == digest.of(expected, table.columns), (of, found.rows, expected)


def test_without_the_compiled_part_the_rows_are_the_same(
    source: psycopg.Connection, postgresql_url: sa.URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.execute("CREATE TABLE t (id int PRIMARY KEY, a text, c char(4), n int); ALTER TABLE t ALTER a SET STORAGE EXTERNAL")
    tables = followed(postgresql_url)
    with begun(postgresql_url, tables) as start:
        source.execute("INSERT INTO t VALUES (1, repeat('x', 9000), 'ab', NULL), (2, NULL, NULL, 5)")
        source.execute("UPDATE t SET n = 1 WHERE id = 1; UPDATE t SET id = 3 WHERE id = 2; DELETE FROM t WHERE id = 3")
        sent = changes(read(postgresql_url, start, tables), "t")
    compiled = LOG.rows(sent, tables[0].columns)
    monkeypatch.setattr(change_rows, "_native", None)
    plain = LOG.rows(sent, tables[0].columns)
    assert compiled == plain
    assert compiled.operations.to_pylist() == ["I", "I", "U", "U", "U", "D"] and compiled.kinds.to_pylist() == [
        "N",
        "N",
        "N",
        "K",
        "N",
        "K",
    ]
    assert compiled.left_out.to_pylist() == [None, None, b"\0\1\0\0", None, None, None]
    assert compiled.rows.column(2).to_pylist()[0] == "ab"
    for broken in (b"", b"X0000N\0\4", sent[0][:20], sent[0] + b"N", sent[0][:7] + b"\0\1" + sent[0][9:]):
        for change_rows_of in (_native.change_rows, plain_changes.change_rows):
            with pytest.raises(ValueError):
                change_rows_of([broken], 4)


def test_transactions_come_whole_in_the_order_of_their_commits_and_only_what_was_committed(
    source: psycopg.Connection, postgresql_url: sa.URL
) -> None:
    source.execute("CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE other (id int)")
    tables = followed(postgresql_url, "t")
    with begun(postgresql_url, tables) as start:
        address = postgresql_url.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(address) as late:
            late.execute("INSERT INTO t VALUES (1)")
            source.execute("INSERT INTO t VALUES (2); INSERT INTO other VALUES (1)")
            late.execute("SAVEPOINT s; INSERT INTO t VALUES (3); ROLLBACK TO s")
            late.execute("INSERT INTO t VALUES (4)")
            late.commit()
            late.execute("INSERT INTO t VALUES (5)")
            late.rollback()
        source.execute("TRUNCATE t")
        events = read(postgresql_url, start, tables)
    ids = LOG.rows(changes(events, "t"), tables[0].columns).rows.column(0).to_pylist()
    kinds = [type(e) for e in events]
    assert ids == [2, 1, 4] and kinds == [Change, Committed, Change, Change, Committed, Truncated, Committed]
    assert events[-2] == Truncated(("t",))
    positions = [e.position for e in events if isinstance(e, Committed)]
    assert positions == sorted(set(positions)) and positions[0] > start.position


def test_the_snapshot_has_all_before_its_position_and_the_stream_all_after_it(source: psycopg.Connection, postgresql_url: sa.URL) -> None:
    source.execute("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 100)")
    tables = followed(postgresql_url)
    with begun(postgresql_url, tables) as start:
        engine = databases.engine(DATABASE, postgresql_url, "source")
        with engine.connect() as one, engine.connect() as two:
            source.execute("DELETE FROM t WHERE id <= 10; INSERT INTO t VALUES (101)")
            LOG.join(start.snapshot, [one, two])
            assert [databases.execute(c, "SELECT count(*) FROM t").scalar_one() for c in (one, two)] == [100, 100]
        assert len(changes(read(postgresql_url, start, tables), "t")) == 11


def test_a_reader_goes_on_behind_the_position_that_it_names(source: psycopg.Connection, postgresql_url: sa.URL) -> None:
    source.execute("CREATE TABLE t (id int PRIMARY KEY)")
    tables = followed(postgresql_url)
    with begun(postgresql_url, tables) as start:
        source.execute("INSERT INTO t VALUES (1)")
        source.execute("INSERT INTO t VALUES (2)")
        first = read(postgresql_url, start, tables, until=lambda e: isinstance(e, Committed))
        assert len(first) == 2 and isinstance(first[-1], Committed)
        assert len(changes(read(postgresql_url, start, tables), "t")) == 2  # what was read without being confirmed is there again
        rest = read(postgresql_url, start, tables, at=first[-1].position)
        assert LOG.rows(changes(rest, "t"), tables[0].columns).rows.column(0).to_pylist() == [2]


def test_marks_come_with_their_transaction_and_those_of_others_do_not(source: psycopg.Connection, postgresql_url: sa.URL) -> None:
    source.execute("CREATE TABLE t (id int PRIMARY KEY)")
    tables = followed(postgresql_url)
    with begun(postgresql_url, tables) as start:
        source.execute("SELECT pg_logical_emit_message(true, 'somebody', 'x')")
        with databases.engine(DATABASE, postgresql_url, "source").begin() as connection:
            LOG.mark(connection, "here")
        events = read(postgresql_url, start, tables)
    assert [e for e in events if not isinstance(e, Committed)] == [Marked("here")]


CHANGES = {
    "ADD COLUMN c int DEFAULT 7": ("c", "was added"),
    "DROP COLUMN b": ("b", "was dropped"),
    "RENAME COLUMN b TO c": ("b", "renamed"),
    "ALTER COLUMN b TYPE bigint": ("b", "type"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_table_stops_the_stream_with_the_column_named(source: psycopg.Connection, postgresql_url: sa.URL, change: str) -> None:
    source.execute("CREATE TABLE t (id int PRIMARY KEY, b int)")
    tables = followed(postgresql_url)
    with begun(postgresql_url, tables) as start:
        source.execute(f"INSERT INTO t VALUES (1, 1); ALTER TABLE t {change}")
        source.execute("INSERT INTO t VALUES (2)")
        with pytest.raises(SchemaChanged) as stopped:
            read(postgresql_url, start, tables)
    assert stopped.value.column == CHANGES[change][0] and CHANGES[change][1] in stopped.value.why


def test_a_slot_that_somebody_made_anew_dropped_or_lost_is_refused(source: psycopg.Connection, postgresql_url: sa.URL) -> None:
    source.execute("CREATE TABLE t (id int PRIMARY KEY)")
    tables = followed(postgresql_url)
    with begun(postgresql_url, tables) as start:
        slot = start.stream.slot
        source.execute("SELECT pg_drop_replication_slot(%s)", [slot])
        with pytest.raises(StreamLost, match="can't go on from") as gone:
            read(postgresql_url, start, tables)
        source.execute("INSERT INTO t VALUES (1)")
        source.execute("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", [slot])
        with pytest.raises(StreamLost) as anew:
            read(postgresql_url, start, tables)
        other = replace(start.stream, server="1/1/elsewhere")
        with pytest.raises(StreamLost, match="another server"):
            read(postgresql_url, replace(start, stream=other), tables, at=1 << 60)
        source.execute(f"DROP PUBLICATION {start.stream.publication}")
        with pytest.raises(StreamLost, match="lacks public.t"):
            read(postgresql_url, start, tables, at=1 << 60)
    assert "not there" in gone.value.why and "begins at" in anew.value.why


def test_a_new_stream_waits_for_open_writers_no_longer_than_its_bound(
    source: psycopg.Connection, postgresql_url: sa.URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    from penstock.databases.postgresql.live import log
    from penstock.errors import LockRefused

    monkeypatch.setattr(log, "_PATIENCE", 0.3)
    source.execute("CREATE TABLE t (id int PRIMARY KEY)")
    tables = followed(postgresql_url)
    address = postgresql_url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address) as writer:
        writer.execute("INSERT INTO t VALUES (1)")
        with pytest.raises(LockRefused, match="did not give a snapshot"), begun(postgresql_url, tables):
            pass
    slots = source.execute("SELECT count(*) FROM pg_replication_slots WHERE slot_name LIKE 'penstock_shop%'").fetchone()
    assert slots == (0,)


def test_a_stream_of_other_tables_alone_moves_on(source: psycopg.Connection, postgresql_url: sa.URL) -> None:
    """Else the slot would hold back the log of everything that other tables write."""
    source.execute("CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE other (id int)")
    tables = followed(postgresql_url, "t")
    engine = databases.engine(DATABASE, postgresql_url, "source")
    with begun(postgresql_url, tables) as start:
        source.execute("INSERT INTO other SELECT generate_series(1, 10000)")
        with engine.connect() as connection:
            end = LOG.now(connection)
        with LOG.read(engine, start.stream, tables, start.position) as reader:
            reached = next(e.position for e in reader.events(5) if isinstance(e, Idle) and e.position >= end)
            reader.confirm(reached)
        query = "SELECT confirmed_flush_lsn::text FROM pg_replication_slots WHERE slot_name = %s"
        for _ in range(100):  # the server reads what it was told when it gets to it
            confirmed = source.execute(query, [start.stream.slot]).fetchone()
            if confirmed and position.parse(confirmed[0]) >= end:
                return
            time.sleep(0.05)
    raise AssertionError(confirmed)
