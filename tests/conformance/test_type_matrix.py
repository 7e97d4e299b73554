"""Each source × target × type × unkind value: exact, in a declared form, or refused by name. Both sides are read by their plain drivers."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from pathlib import Path

import duckdb
import pytest
import sqlalchemy as sa

from penstock import databases
from penstock.databases import Database, execute, select
from penstock.databases._shared import ddl
from penstock.databases.duckdb import types
from penstock.databases.postgresql import types as postgresql_types
from penstock.errors import LoadFailed, PreflightFailed, ReadFailed
from penstock.model.schema import INTEGERS, Column, Table, TableName
from tests.support import types_page
from tests.support.data.plain_values import Make, Plain, make
from tests.support.data.type_cases import CASES, DATABASES, POSTGRESQL_TYPES, Case
from tests.support.one_run import moved
from tests.support.servers import newest

__all__ = ["make"]  # a fixture
PAIRS = list(product(DATABASES, DATABASES))


@dataclass(frozen=True)
class Cell:
    """A case as a column of a source table, whose rows have its values."""

    name: str
    case: Case
    literals: tuple[str, ...]


_OF_MARIADB = ("uuid", "inet4", "inet6")


def tables(source: str) -> dict[tuple[str, frozenset[str], frozenset[str]], list[Cell]]:
    """The source's tables: one for each kind, places where values are refused, and targets without a counterpart for the type."""
    found: dict[tuple[str, frozenset[str], frozenset[str]], list[Cell]] = {}
    for case in CASES[source]:
        if source == "mysql" and "mysql" in newest.WANTED and case.type in _OF_MARIADB:
            continue
        lacking = frozenset(t for t in DATABASES if types_page.counterpart(case, t) is None)
        for refused in dict.fromkeys(v.refused for v in case.values):
            columns = found.setdefault((case.kind, refused, lacking), [])
            columns.append(Cell(f"v{len(columns)}", case, tuple(v.literal for v in case.values if v.refused == refused)))
    return found


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
                plain.make(named(key), [(c.name, c.case.type, c.literals) for c in columns])
    return urls


def opened(url: sa.URL) -> tuple[Database, sa.Connection]:
    database = databases.of(url)
    return database, database.engine(url).connect()


def shapes(url: sa.URL) -> dict[str, Table]:
    database, connection = opened(url)
    with connection:
        return {t.name.name: t for t in database.inspect(connection, None)}


@pytest.mark.parametrize("source", DATABASES)
def test_what_arrow_can_not_hold_is_refused_by_name(source: str, sources: dict[str, sa.URL]) -> None:
    found = shapes(sources[source])
    database, connection = opened(sources[source])
    with connection:
        for table, columns in ((named(k), columns) for k, columns in tables(source).items() if "read" in k[1]):
            for c in columns:
                column = found[table].column(c.name)
                for number, literal in enumerate(c.literals):
                    with pytest.raises(ReadFailed) as refused:
                        list(database.read(connection, select(database, TableName(table), [column], f"id = {number}"), [column]))
                        pytest.fail(f"{c.case} {literal}")
                    assert f"column {c.name}" in refused.value.where and refused.value.why and refused.value.fix, c.case
                    connection.rollback()


@pytest.mark.parametrize("source", DATABASES)
def test_what_arrow_can_not_hold_is_carried_when_it_is_cast_to_string(
    source: str, sources: dict[str, sa.URL], make: Make, tmp_path: Path
) -> None:
    loose = databases.of(sources[source]).types_with_invalid_values
    wanted: dict[str, list[Cell]] = {}
    for key, columns in tables(source).items():
        chosen = [c for c in columns if types_page.canonical(c.case).name in loose and "X'00'" not in c.literals]  # a blob is no text
        if "read" in key[1] and chosen:
            wanted[named(key)] = chosen
    found = shapes(sources[source])
    specs: dict[str, object] = {}
    for table, chosen in wanted.items():
        others = {c.name for c in found[table].columns} - {"id", *(c.name for c in chosen)}
        drop = [{"drop": sorted(others)}] if others else []
        specs[table] = {"transform": [*drop, {"cast": {c.name: "string" for c in chosen}}]}
    place = make("duckdb", f"text_of_{source}")
    moved(tmp_path, sources[source], place, "texts", "r", {"include": sorted(wanted), **specs})
    text = {"mysql": "CAST({} AS CHAR)", "sqlite": "{}"}.get(source, "CAST({} AS TEXT)")
    plain = _number if source == "sqlite" else str
    with Plain(sources[source]) as there, Plain(place) as here:
        for table, chosen in wanted.items():
            for c in chosen:
                given = [v for (v,) in there.run(f"SELECT {text.format(c.name)} FROM {table} ORDER BY id")]
                assert list(map(plain, here.values(table, c.name, "text"))) == list(map(plain, given)), c.case


def _number(value: object) -> object:
    """SQLite's reals are written with all the digits that a double has."""
    try:
        return repr(float(str(value)))
    except ValueError:
        return value


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_every_value_arrives_or_is_refused_by_name(
    source: str, target: str, sources: dict[str, sa.URL], make: Make, tmp_path: Path
) -> None:
    place = make(target, f"{source}_to_{target}")
    whole = {named(k): (k, columns) for k, columns in tables(source).items() if not k[1] & {"read", target}}
    held = {t: columns for t, (k, columns) in whole.items() if target not in k[2]}

    if lacking := {t: columns for t, (_, columns) in whole.items() if t not in held}:
        with pytest.raises(PreflightFailed) as stopped:
            moved(tmp_path, sources[source], place, "matrix", "refused", {"include": sorted(lacking)})
        told = {p.where for p in stopped.value.problems if p.blocking and p.fix}
        assert told == {f"table {t}, column {c.name}" for t, columns in lacking.items() for c in columns}
    moved(tmp_path, sources[source], place, "matrix", "r", {"include": sorted(held)})
    with Plain(sources[source]) as there:
        given = {(t, c): there.values(t, c.name, c.case.kind) for t, columns in held.items() for c in columns}
    with Plain(place) as here:
        keeps = target == "mysql" and "mysql" in newest.WANTED  # MySQL keeps a -0.0, MariaDB does not
        for (table, c), values in given.items():
            expected = values if keeps else [types_page.held_as(v, target) for v in values]
            assert here.values(table, c.name, c.case.kind) == expected, f"{c.case} at {target}, {here.type(table, c.name)}"


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


# Neither a table's column nor anybody's data: what the server keeps for itself, and names of its own objects.
_NOT_DATA = {"cstring", "gtsvector", "refcursor", "aclitem"} | {"pg_node_tree", "pg_ndistinct", "pg_dependencies", "pg_mcv_list"}
_NOT_DATA |= {"pg_brin_bloom_summary", "pg_brin_minmax_multi_summary"}


def test_no_built_in_type_of_postgresql_is_forgotten(sources: dict[str, sa.URL]) -> None:
    with Plain(sources["postgresql"]) as plain:
        query = (
            "SELECT format_type(oid, NULL) FROM pg_type WHERE typnamespace = 'pg_catalog'::regnamespace"
            " AND typtype IN ('b', 'r', 'm') AND typcategory <> 'A'"
        )
        found = {name for (name,) in plain.run(query)}
    assert len(found) > 50
    unknown = {n for n in found if postgresql_types.canonical(n).name == "unsupported"}
    assert {n for n in unknown if not n.startswith("reg")} - _NOT_DATA == {"bit", "character"}  # always with a length, as a column


def test_no_built_in_type_of_duckdb_is_forgotten() -> None:
    with duckdb.connect() as plain:
        found = {name for (name,) in plain.execute("SELECT DISTINCT logical_type FROM duckdb_types()").fetchall()}
    assert len(found) > 25
    unknown = {n for n in found if types.canonical(n).name == "unsupported"}
    known = {"DECIMAL", "ENUM", "LIST", "ARRAY"}  # they have arguments, as a column
    assert unknown - known <= {"STRUCT", "MAP", "UNION", "VARIANT", "GEOMETRY", "NULL", "ANY", "TYPE", "INVALID", "ROW", "TUPLE"}


@pytest.mark.parametrize("database", DATABASES)
def test_what_is_exact_is_read_again_as_the_same_kind_of_type(database: str) -> None:
    wider = dict.fromkeys(INTEGERS - {"year"}, "int")
    wider |= {"float32": "float", "float64": "float", "bits": "bits", "varbits": "bits", "json": "json", "jsonb": "json"}
    to = databases.of(sa.URL.create(database))
    for case in (c for cases in CASES.values() for c in cases):
        type = types_page.canonical(case)
        if types_page.counterpart(case, database) is not None and type.name != "native":
            again = to.canonical(to.native(type).split(" CHARACTER SET")[0])
            same = wider.get(again.name, again.name) == wider.get(type.name, type.name)
            assert to.maps_exactly(type) == (same and again.element == type.element), f"{type} is {to.native(type)}"


def test_the_page_of_types_is_what_the_tables_say() -> None:
    assert types_page.PAGE.read_text() == types_page.page(), "run python -m tests.support.types_page"
