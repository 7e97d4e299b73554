"""Each source × target × type × unkind value: exact, in a declared form, or refused by name. Both sides are read by their plain drivers."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import MySQLdb
import psycopg
import pytest
import sqlalchemy as sa

from penstock import databases, run
from penstock.databases import Database, ddl, execute, select
from penstock.errors import LoadFailed, PreflightFailed, ReadFailed, UnsupportedType
from penstock.migration import load
from penstock.schema import Column, Table, TableName, Type
from tests.plain_values import Plain, norm
from tests.type_cases import CASES, DATABASES, POSTGRESQL_TYPES, Case

Make = Callable[[str, str], sa.URL]
PAIRS = list(product(DATABASES, DATABASES))


@pytest.fixture(scope="module")
def make(postgresql_server: sa.URL, mariadb_server: sa.URL, tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Makes an empty database of a kind, under a name."""
    folder = tmp_path_factory.mktemp("matrix")

    def made(database: str, name: str) -> sa.URL:
        if database == "postgresql":
            with psycopg.connect(
                postgresql_server.set(drivername="postgresql").render_as_string(hide_password=False), autocommit=True
            ) as server:
                server.execute(f'DROP DATABASE IF EXISTS "{name}"')
                server.execute(f'CREATE DATABASE "{name}"')
            return postgresql_server.set(database=name)
        if database == "mysql":
            u = mariadb_server
            server = MySQLdb.connect(host=u.host, port=u.port, user=u.username, password=u.password)
            server.query(f"DROP DATABASE IF EXISTS {name}".encode())
            server.query(f"CREATE DATABASE {name} CHARACTER SET utf8mb4".encode())
            server.close()
            return mariadb_server.set(database=name)
        return sa.make_url(f"{database}:///{folder}/{name}.db")

    return made


# Types that a test made, as the engine reads them from the catalogue.
_MADE = {"mood": "enum('a')", "mood[]": "enum('a')[]", "timestamp(6) NULL": "timestamp(6)"}


@dataclass(frozen=True)
class Cell:
    """A case as a column of a source table, whose rows have its values."""

    name: str
    case: Case
    literals: tuple[str, ...]


def tables(source: str) -> dict[tuple[str, frozenset[str], frozenset[str]], list[Cell]]:
    """The source's tables: one for each kind, places where values are refused, and targets without a counterpart for the type."""
    found: dict[tuple[str, frozenset[str], frozenset[str]], list[Cell]] = {}
    for case in CASES[source]:
        lacking = frozenset(t for t in DATABASES if not counterpart(source, case.type, t))
        for refused in dict.fromkeys(v.refused for v in case.values):
            columns = found.setdefault((case.kind, refused, lacking), [])
            columns.append(Cell(f"v{len(columns)}", case, tuple(v.literal for v in case.values if v.refused == refused)))
    return found


def counterpart(source: str, written: str, target: str) -> str:
    """What the target writes for a type of the source; empty when it has no counterpart."""
    from_, to = (databases.of(sa.URL.create(name)) for name in (source, target))
    try:
        return to.native(from_.canonical(_MADE.get(written, written)))
    except UnsupportedType:
        return ""


def named(key: tuple[str, frozenset[str], frozenset[str]]) -> str:
    kind, refused, lacking = key
    return "_".join([kind, *(f"no{r[:2]}" for r in sorted(refused)), *(f"un{x[:2]}" for x in sorted(lacking))])


@pytest.fixture(scope="module")
def sources(make: Make) -> dict[str, sa.URL]:
    """A database of each kind with its tables."""
    urls = {}
    for database in CASES:
        urls[database] = make(database, f"from_{database}")
        with Plain(urls[database]) as plain:
            if database == "postgresql":
                plain.run(POSTGRESQL_TYPES)
            for key, columns in tables(database).items():
                plain.make(named(key), [(c.case.type, c.literals) for c in columns])
    return urls


def opened(url: sa.URL) -> tuple[Database, sa.Connection]:
    database = databases.of(url)
    return database, database.engine(url).connect()


def shapes(url: sa.URL) -> dict[str, Table]:
    database, connection = opened(url)
    with connection:
        return {t.name.name: t for t in database.inspect(connection, None)}


@pytest.mark.parametrize("source", DATABASES)
def test_what_arrow_can_not_hold_is_refused_by_name_and_carried_when_it_is_cast_to_string(source: str, sources: dict[str, sa.URL]) -> None:
    unread = {named(k): columns for k, columns in tables(source).items() if "read" in k[1]}
    text = "CAST({} AS CHAR)" if source == "mysql" else "CAST({} AS TEXT)"
    with Plain(sources[source]) as plain:
        fields = {t: ", ".join(text.format(c.name) for c in columns) for t, columns in unread.items()}
        written = {t: plain.run(f"SELECT {f} FROM {t} ORDER BY id") for t, f in fields.items() if source != "sqlite"}
    found = shapes(sources[source])
    database, connection = opened(sources[source])
    with connection:
        for table, columns in unread.items():
            for place, c in enumerate(columns):
                column = found[table].column(c.name)
                for number, literal in enumerate(c.literals):
                    with pytest.raises(ReadFailed) as refused:
                        list(database.read(connection, select(database, TableName(table), [column], f"id = {number}"), [column]))
                        pytest.fail(f"{c.case} {literal}")
                    assert f"column {c.name}" in refused.value.where and refused.value.fix, c.case
                    connection.rollback()
                    if column.type.name in database.loose and source != "sqlite":
                        column_ = Column(c.name, Type("unsupported"), native=column.native)
                        [batch] = database.read(connection, select(database, TableName(table), [column_], f"id = {number}"), [column_])
                        expected = written[table][number][place]
                        assert norm(c.case.kind, batch.column(0).to_pylist()[0]) == norm(c.case.kind, expected), c.case


def held_as(value: object, target: str) -> object:
    """-0.0 is the whole number 0 to SQLite's files, which have no other place for it."""
    return bytes(len(value)) if target == "sqlite" and value in (struct.pack("<d", -0.0), struct.pack("<f", -0.0)) else value


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_every_value_arrives_or_is_refused_by_name(
    source: str, target: str, sources: dict[str, sa.URL], make: Make, tmp_path: Path
) -> None:
    place = make(target, f"{source}_to_{target}")
    file = tmp_path / "matrix.yaml"
    whole = {named(k): (k, columns) for k, columns in tables(source).items() if not k[1] & {"read", target}}
    held = {t: columns for t, (k, columns) in whole.items() if target not in k[2]}

    def moved(names: list[str], run_id: str) -> None:
        addresses = {k: u.render_as_string(hide_password=False) for k, u in {"source": sources[source], "target": place}.items()}
        file.write_text(json.dumps({"name": "matrix", **addresses, "tables": {"include": names}}))
        run.run(load(file), run_id, str(tmp_path / "staging"), sources[source], place, tmp_path / "expectations")

    if lacking := {t: columns for t, (_, columns) in whole.items() if t not in held}:
        with pytest.raises(PreflightFailed) as stopped:
            moved(sorted(lacking), "refused")
        told = {p.where for p in stopped.value.problems if p.blocking and p.fix}
        assert told == {f"table {t}, column {c.name}" for t, columns in lacking.items() for c in columns}
    moved(sorted(held), "r")
    with Plain(sources[source]) as there:
        given = {(t, c): there.values(t, c.name, c.case.kind) for t, columns in held.items() for c in columns}
    with Plain(place) as here:
        for (table, c), values in given.items():
            assert here.values(table, c.name, c.case.kind) == [held_as(v, target) for v in values], (
                f"{c.case} at {target}, {here.type(table, c.name)}"
            )


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_what_a_target_can_not_hold_is_refused_at_the_load(source: str, target: str, sources: dict[str, sa.URL], make: Make) -> None:
    place = make(target, f"refused_{source}_to_{target}")
    found = shapes(sources[source])
    from_, reading = opened(sources[source])
    to, writing = opened(place)
    with reading, writing:
        for key, columns in tables(source).items():
            for c in columns if target in key[1] else ():
                column = found[named(key)].column(c.name)
                held = Column(c.name, column.type, native=to.native(column.type))
                name = TableName(f"{named(key)}_{c.name}")
                with writing.begin():
                    execute(writing, ddl.create_table(to, Table(name, (held,)), name))
                for number, literal in enumerate(c.literals):
                    rows = list(from_.read(reading, select(from_, TableName(named(key)), [column], f"id = {number}"), [column]))
                    with pytest.raises(LoadFailed) as refused, writing.begin():
                        to.write(writing, name, [held], rows)
                        pytest.fail(f"{c.case} {literal} at {target}")
                    assert name.name in refused.value.where or f"column {c.name}" in refused.value.where, c.case
                    assert refused.value.why and refused.value.fix, c.case
