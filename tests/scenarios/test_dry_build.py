"""What the target refuses of a table is found before a row is read, in the server's own words, and what check says is what the run does."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from penstock import databases
from penstock.errors import LoadFailed, PreflightFailed
from penstock.model import intervals
from penstock.planning.preflight import dry_claims, dry_tables
from tests.support import cases
from tests.support.cases import Ends, lines, run_sql, sqlite
from tests.support.fixes import pasted

Second = Callable[[], sa.URL]


@pytest.fixture
def second(postgresql_server: sa.URL) -> Iterator[sa.URL]:
    """Another empty database of the same PostgreSQL server."""
    name = "second_database"
    address = postgresql_server.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
        yield postgresql_server.set(database=name)
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def tables(url: sa.URL) -> set[str]:
    """All tables at a target, of whatever schema; of MariaDB's databases, which other tests have too, of the target's own."""
    engine = databases.of(url).engine(url)
    with engine.connect() as connection:
        inspector = sa.inspect(connection)
        others = url.get_backend_name() == "mysql"
        schemas = [s for s in inspector.get_schema_names() if s != "information_schema" and (not others or s == url.database)]
        found = {f"{schema}.{t}" for schema in schemas for t in inspector.get_table_names(schema=schema)}
    engine.dispose()
    return found


INDEXES = "SELECT indexdef FROM pg_indexes WHERE tablename = 'people' ORDER BY 1"


def test_an_index_of_an_extension_is_carried_with_its_operator_class(postgresql_url: sa.URL, second: sa.URL, tmp_path: Path) -> None:
    run_sql(postgresql_url, cases.source_sql("01-index-of-an-extension"))
    run_sql(second, (cases.folder("01-index-of-an-extension") / "target.sql").read_text())
    ends = Ends(tmp_path, postgresql_url, second)
    assert lines(ends.check()) == []
    ends.run()
    assert run_sql(second, INDEXES) == run_sql(postgresql_url, INDEXES)


def test_an_index_of_a_missing_extension_is_left_out_and_said_with_the_statement_that_helps(
    postgresql_url: sa.URL, second: sa.URL, tmp_path: Path
) -> None:
    run_sql(postgresql_url, cases.source_sql("01-index-of-an-extension"))
    ends = Ends(tmp_path, postgresql_url, second)
    found = lines(ends.check())
    assert [line.partition(":")[0] for line in found] == ["table people"] * 2
    assert "index people_name_trgm is not carried: it needs the extension pg_trgm" in found[0]
    assert found[0].endswith("[run at the target: CREATE EXTENSION pg_trgm]")
    assert "index people_place is not carried: it needs the extension btree_gist" in found[1]
    assert found[1].endswith("[run at the target: CREATE EXTENSION btree_gist]")
    ends.run()
    assert run_sql(second, "SELECT count(*) FROM people") == [(2,)] and len(run_sql(second, INDEXES)) == 1
    run_sql(second, "CREATE EXTENSION pg_trgm;\nCREATE EXTENSION btree_gist;\n")
    assert lines(ends.check()) == []


def test_an_extension_in_a_schema_that_is_not_searched_is_said(postgresql_url: sa.URL, second: sa.URL, tmp_path: Path) -> None:
    run_sql(postgresql_url, cases.source_sql("04-extension-type-missing-at-the-target"))
    run_sql(second, "CREATE SCHEMA ext;\nCREATE EXTENSION citext SCHEMA ext;\nCREATE EXTENSION hstore SCHEMA ext;\n")
    ends = Ends(tmp_path, postgresql_url, second)
    problem = ends.check().blocking[0]
    assert problem.where == "table account, column email"
    run_sql(second, problem.remedies[0].statement + ";\n")
    assert lines(ends.check()) == []
    ends.run()


def test_types_of_a_missing_extension_block_by_column_and_its_fix_works(postgresql_url: sa.URL, second: sa.URL, tmp_path: Path) -> None:
    run_sql(postgresql_url, cases.source_sql("04-extension-type-missing-at-the-target"))
    ends = Ends(tmp_path, postgresql_url, second)
    found = ends.check()
    assert [p.where for p in found.blocking] == [f"table account, column {c}" for c in ("email", "tags", "aliases")]
    email = found.blocking[0]
    assert 'the type citext is of the extension citext, which the target can\'t use: type "citext" does not exist' in email.what
    assert email.fix.startswith("run at the target: CREATE EXTENSION citext; or add `cast: {email: string}`")
    assert email.remedies[0].statement == "CREATE EXTENSION citext"
    with pytest.raises(PreflightFailed):
        ends.run()
    steps = "tables: {account: {transform: [cast: {email: string, tags: string, aliases: string}]}}"
    assert not ends.check(steps).blocking
    run_sql(second, "CREATE EXTENSION citext;\nCREATE EXTENSION hstore;\n")
    assert lines(ends.check()) == []
    ends.run()
    assert run_sql(second, "SELECT email::text, tags -> 'a' FROM account WHERE email = 'a@B'") == [("A@b", "1")]


def test_no_false_advice_for_a_partitioned_table_and_one_line_for_a_table_without_columns(
    postgresql_url: sa.URL, second: sa.URL, tmp_path: Path
) -> None:
    run_sql(postgresql_url, cases.source_sql("11-partitioned-table-false-advice"))
    ends = Ends(tmp_path, postgresql_url, second)
    bare = "!table bare: it has no columns, so its rows can't be staged [leave the table out: tables: {exclude: [bare]}]"
    found = [line for line in lines(ends.check()) if "no key" not in line]
    assert found == [bare]
    without = "tables: {exclude: [bare]}"
    assert [line for line in lines(ends.check(without)) if "no key" not in line] == []
    ends.run(more=without)
    assert run_sql(second, "SELECT tableoid::regclass::text, id FROM sale ORDER BY id") == [("sale_n", 1), ("sale_rest", 2)]


@pytest.mark.parametrize("to", ["postgresql", "sqlite", "duckdb"])
def test_a_foreign_key_to_columns_that_are_no_key_is_left_out_and_said(
    to: str, mariadb_url: sa.URL, postgresql_url: sa.URL, tmp_path: Path
) -> None:
    run_sql(mariadb_url, cases.source_sql("12-foreign-key-to-no-unique-key"))
    target = postgresql_url if to == "postgresql" else sa.make_url(f"{to}:///{tmp_path}/target.db")
    ends = Ends(tmp_path, mariadb_url, target)
    found = lines(ends.check())
    assert any(line.startswith("table ch: foreign key to_code is not ") for line in found)
    assert any(line.startswith("table ch2: foreign key to_first is not ") for line in found)
    ends.run()
    assert run_sql(target, "SELECT id, code FROM ch") == [(1, 5)] and run_sql(target, "SELECT id, a FROM ch2") == [(1, 1)]


def test_a_table_that_the_target_can_not_create_blocks_with_its_own_words(
    mariadb_url: sa.URL, postgresql_url: sa.URL, tmp_path: Path
) -> None:
    source = sqlite(tmp_path, cases.source_sql("13-what-the-target-refuses-to-create"))
    ends = Ends(tmp_path, source, mariadb_url)
    (problem,) = ends.check().blocking
    assert problem.where == "table wide" and "Too many columns" in problem.what
    assert problem.fix.startswith("add `drop: [c") and "exclude: [wide]" in problem.fix
    assert not ends.check(f"tables: {json.dumps(pasted({}, 'wide', problem.fix))}").blocking
    assert tables(mariadb_url) == set()
    Ends(tmp_path, source, postgresql_url).run()
    assert run_sql(postgresql_url, "SELECT id, c1199 FROM wide") == [(1, 7)]


# ---- neighbours of the cases


def test_what_mariadb_refuses_of_a_key_is_left_out_or_blocks_by_what_it_is(
    postgresql_url: sa.URL, mariadb_url: sa.URL, tmp_path: Path
) -> None:
    run_sql(
        postgresql_url,
        "CREATE TABLE long_index (id int PRIMARY KEY, a varchar(700), b varchar(700));\n"
        "CREATE INDEX too_long ON long_index (a, b);\n"
        "CREATE TABLE parent (id int PRIMARY KEY);\n"
        "CREATE TABLE child (id int PRIMARY KEY, p int NOT NULL, CONSTRAINT nulls FOREIGN KEY (p) REFERENCES parent ON DELETE SET NULL);\n"
        "CREATE TABLE long_key (a varchar(700), b varchar(700), PRIMARY KEY (a, b));\n"
        f"COMMENT ON TABLE parent IS '{'x' * 3000}';\n"
        "INSERT INTO parent VALUES (1);\nINSERT INTO child VALUES (1, 1);\n",
    )
    ends = Ends(tmp_path, postgresql_url, mariadb_url)
    found = lines(ends.check())
    (blocking,) = [line for line in found if line.startswith("!")]
    assert blocking.startswith("!table long_key: the target refuses its primary key (a, b): Specified key was too long")
    assert any(line.startswith("table long_index: index too_long is not carried: the target refuses it: Specified key") for line in found)
    assert any(line.startswith("table child: foreign key nulls is carried without its actions, because") for line in found)
    assert any(line.startswith("table parent: the comment on the table is not carried: the target refuses it") for line in found)
    assert "penstock" not in str(found) and tables(mariadb_url) == set()
    ends.run(more="tables: {exclude: [long_key]}")
    keys = "SELECT CONSTRAINT_NAME, DELETE_RULE FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = DATABASE()"
    assert [rule for _, rule in run_sql(mariadb_url, keys)] in (["RESTRICT"], ["NO ACTION"])
    indexes = "SELECT DISTINCT INDEX_NAME FROM information_schema.STATISTICS WHERE TABLE_NAME = 'long_index'"
    assert run_sql(mariadb_url, indexes) == [("PRIMARY",)]


def test_a_row_that_is_too_long_for_mariadb_blocks_with_its_words(mariadb_url: sa.URL, postgresql_url: sa.URL, tmp_path: Path) -> None:
    columns = ", ".join(f"c{n} varchar(200)" for n in range(100))
    run_sql(postgresql_url, f"CREATE TABLE wide (id int PRIMARY KEY, {columns});\n")
    ends = Ends(tmp_path, postgresql_url, mariadb_url)
    (problem,) = ends.check().blocking
    assert problem.where == "table wide" and "Row size too large" in problem.what
    casts = ", ".join(f"c{n}: string" for n in range(100))
    assert not ends.check(f"tables: {{wide: {{transform: [cast: {{{casts}}}]}}}}").blocking


def test_a_foreign_key_between_incompatible_types_is_left_out_and_said(postgresql_url: sa.URL, tmp_path: Path) -> None:
    text = "CREATE TABLE a (id INTEGER PRIMARY KEY);\nCREATE TABLE b (id INTEGER PRIMARY KEY, a TEXT REFERENCES a (id));\n"
    ends = Ends(tmp_path, sqlite(tmp_path, text), postgresql_url)
    (line,) = [found for found in lines(ends.check()) if "foreign key" in found]
    assert "is not carried: the target refuses it" in line and "cannot be implemented" in line and "text and" in line
    ends.run()


def test_an_unknown_collation_or_method_is_left_out_and_said(postgresql_url: sa.URL, second: sa.URL, tmp_path: Path) -> None:
    run_sql(
        postgresql_url,
        "CREATE EXTENSION bloom;\nCREATE TABLE t (id int PRIMARY KEY, a text);\n"
        "CREATE INDEX by_bloom ON t USING bloom (a);\nINSERT INTO t VALUES (1, 'x');\n",
    )
    ends = Ends(tmp_path, postgresql_url, second)
    (line,) = lines(ends.check())
    assert line.startswith("table t: index by_bloom is not carried: it needs the extension bloom")
    ends.run()


def test_an_index_named_like_a_table_gets_another_name(mariadb_url: sa.URL, postgresql_url: sa.URL, tmp_path: Path) -> None:
    run_sql(mariadb_url, "CREATE TABLE a (id int PRIMARY KEY, v int, KEY b (v));\nCREATE TABLE b (id int PRIMARY KEY);\n")
    for target in (postgresql_url, sa.make_url(f"sqlite:///{tmp_path}/target.sqlite")):
        ends = Ends(tmp_path, mariadb_url, target, f"of-{target.get_backend_name()}")
        assert not ends.check().blocking
        ends.run()


@pytest.mark.parametrize("to", ["postgresql", "mariadb"])
def test_a_foreign_key_to_a_table_that_stays_is_tried_too(to: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    text = (
        "CREATE TABLE a (id INTEGER PRIMARY KEY);\nCREATE TABLE z (id INTEGER PRIMARY KEY);\n"
        "CREATE TABLE b (id INTEGER PRIMARY KEY, a VARCHAR(20) CONSTRAINT odd REFERENCES a (id));\n"
    )
    target = request.getfixturevalue(f"{to}_url")
    ends = Ends(tmp_path, sqlite(tmp_path, text), target)
    ends.run()
    before = tables(target)
    (line,) = [found for found in lines(ends.check(tables=("z", "b"))) if "foreign key" in found]
    assert line.startswith("table b: foreign key ") and "is not carried: the target refuses it" in line
    assert tables(target) == before
    ends.run("r2", tables=("z", "b"))


def test_a_name_that_something_else_has_at_the_target_blocks(postgresql_url: sa.URL, second: sa.URL, tmp_path: Path) -> None:
    run_sql(postgresql_url, "CREATE TABLE t (id int PRIMARY KEY, v int);\nCREATE INDEX taken ON t (v);\n")
    run_sql(second, "CREATE SEQUENCE taken;\n")
    (problem,) = Ends(tmp_path, postgresql_url, second).check().blocking
    assert 'relation "taken" already exists' in problem.what


# ---- what a dry build leaves, and whom it keeps waiting


@pytest.mark.parametrize("to", ["postgresql", "mariadb", "sqlite", "duckdb"])
def test_check_changes_nothing_before_and_after_runs(to: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    text = (
        "CREATE TABLE a (id INTEGER PRIMARY KEY, v VARCHAR(20) UNIQUE);\n"
        "CREATE TABLE b (id INTEGER PRIMARY KEY, a INTEGER REFERENCES a (id), c INTEGER REFERENCES b (id));\n"
        "CREATE INDEX b_a ON b (a);\nINSERT INTO a VALUES (1, 'x');\nINSERT INTO b VALUES (1, 1, 1);\n"
    )
    servers = {"postgresql": "postgresql_url", "mariadb": "mariadb_url"}
    target = request.getfixturevalue(servers[to]) if to in servers else sa.make_url(f"{to}:///{tmp_path}/target.db")
    ends = Ends(tmp_path, sqlite(tmp_path, text), target)
    assert not ends.check().blocking and (to not in servers or tables(target) == set())
    for run in ("r1", "r2"):
        ends.run(run)
        before = tables(target)
        assert not ends.check().blocking and not ends.check(tables=("b",)).blocking
        assert tables(target) == before
    ends.run("r3", tables=("b",))


def test_what_a_killed_check_has_left_is_removed_by_the_next(mariadb_url: sa.URL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (
        "CREATE TABLE a (id INTEGER PRIMARY KEY, v VARCHAR(20));\nCREATE TABLE b (id INTEGER PRIMARY KEY, a INTEGER REFERENCES a (id));\n"
    )
    ends = Ends(tmp_path, sqlite(tmp_path, text), mariadb_url)

    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr("penstock.planning.preflight.dry_links.Links._switch", killed)
        patched.setattr(dry_claims, "_clear", lambda *_: None)
        with pytest.raises(Killed):
            ends.check()
    left = tables(mariadb_url)
    assert len(left) == 3 and all("penstock_" in name for name in left)
    assert not ends.check().blocking
    assert tables(mariadb_url) == set()


def test_readers_and_writers_of_the_live_tables_do_not_wait_for_a_check(
    postgresql_url: sa.URL, second: sa.URL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_sql(postgresql_url, "CREATE TABLE p (id int PRIMARY KEY);\nCREATE TABLE c (id int PRIMARY KEY, p int REFERENCES p);\n")
    ends = Ends(tmp_path, postgresql_url, second)
    ends.run()
    real = dry_tables.Tables.made
    seen: list[str] = []

    def made(*arguments: object) -> object:
        found = real(*arguments)  # type: ignore[arg-type]
        seen.append(str(run_sql(second, "SET statement_timeout = 500;\nINSERT INTO p VALUES (1);\nSELECT count(*) FROM c, p;\n")))
        return found

    monkeypatch.setattr(dry_tables.Tables, "made", made)
    assert not ends.check().blocking and seen == ["[(0,)]"]


def test_a_target_that_somebody_writes_to_is_not_waited_for(tmp_path: Path) -> None:
    source = sqlite(tmp_path, "CREATE TABLE a (id INTEGER PRIMARY KEY);\n")
    target = sa.make_url(f"sqlite:///{tmp_path}/target.sqlite")
    run_sql(target, "CREATE TABLE other (id INTEGER);\n")
    engine = databases.of(target).engine(target)
    with engine.connect() as holding:
        holding.exec_driver_sql("INSERT INTO other VALUES (1)")
        found = lines(Ends(tmp_path, source, target).check())
    engine.dispose()
    assert any("whether it takes the tables of the migration was not tried" in line for line in found), found


def test_a_dry_build_is_left_out_only_on_request_and_that_is_said(mariadb_url: sa.URL, tmp_path: Path) -> None:
    columns = ", ".join(f"c{n} INT" for n in range(1200))
    source = sqlite(tmp_path, f"CREATE TABLE wide (id INTEGER PRIMARY KEY, {columns});\nINSERT INTO wide (id) VALUES (1);\n")
    ends = Ends(tmp_path, source, mariadb_url)
    found = ends.check("dry_build: false")
    assert not found.blocking and "target: the dry build is switched off (`dry_build: false`)" in lines(found)[0]
    with pytest.raises(LoadFailed) as refused:
        ends.run(more="dry_build: false")
    assert refused.value.what == "the target refuses the table" and refused.value.where == "table wide"
    assert "Too many columns" in refused.value.why


# ---- rows that break a key


def test_only_rows_are_blamed_that_break_a_key_and_they_are_named(postgresql_url: sa.URL, tmp_path: Path) -> None:
    text = (
        "CREATE TABLE a (id INTEGER PRIMARY KEY);\nCREATE TABLE b (id INTEGER PRIMARY KEY, a INTEGER REFERENCES a (id));\n"
        "INSERT INTO a VALUES (1);\nINSERT INTO b VALUES (1, 1), (2, 77);\n"
    )
    ends = Ends(tmp_path, sqlite(tmp_path, text), postgresql_url)
    with pytest.raises(LoadFailed) as broken:
        ends.run()
    assert broken.value.what == "the loaded rows break a key" and broken.value.where.startswith("table b, foreign key ")
    assert broken.value.why.startswith("a=77")
    with pytest.raises(LoadFailed) as broken:
        ends.run("r2", more="tables: {b: {sensitive: [a]}}")
    assert "77" not in str(broken.value)


# ---- live tables that stay

DAY = intervals.between("2024-01-01", "2024-01-02", "UTC")
DAILY = 'schedule: "@daily"\nstart_date: 2024-01-01\ntables: {t: {partition: {by: day}}}'
GENERATED = "n INTEGER GENERATED ALWAYS AS (1 + 1) "


@pytest.mark.parametrize("to", ["postgresql", "mariadb", "sqlite", "duckdb"])
@pytest.mark.parametrize(
    ("live", "said"),
    [
        ("n INTEGER", ", for numbers, and the rows have texts: "),
        (GENERATED, "its column n is generated, and the migration fills it"),
        ("n JSON", 'column "n" is of type json but expression is of type text'),
        ("n TEXT", ""),
    ],
    ids=["numbers", "generated", "json", "the same"],
)
def test_a_live_table_that_can_not_take_the_rows_is_refused_before_a_row_moves(
    to: str, live: str, said: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    if live == "n JSON" and to != "postgresql":
        pytest.skip("only PostgreSQL takes no text for JSON")
    rows = "INSERT INTO t VALUES (1, '2024-01-01 05:00:00', 'x');\n"
    source = sqlite(tmp_path, f"CREATE TABLE t (id INTEGER PRIMARY KEY, day TIMESTAMP, n TEXT);\n{rows}")
    servers = {"postgresql": "postgresql_url", "mariadb": "mariadb_url"}
    target = request.getfixturevalue(servers[to]) if to in servers else sa.make_url(f"{to}:///{tmp_path}/target.db")
    stored = "" if to == "duckdb" or live != GENERATED else "STORED"
    run_sql(target, f"CREATE TABLE t (id BIGINT PRIMARY KEY, day TIMESTAMP{' NULL' if to == 'mariadb' else ''}, {live}{stored});\n")
    ends, before = Ends(tmp_path, source, target), tables(target)
    found = [p.what for p in ends.check(DAILY, interval=DAY).blocking]
    assert tables(target) == before
    if said:
        assert len(found) == 1 and said in found[0]
        return
    assert not found
    ends.run(more=DAILY, interval=DAY)
    assert len(run_sql(target, "SELECT id FROM t")) == 1
