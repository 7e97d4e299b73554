"""The switch on real servers: readers see whole old or whole new, and what hangs on the live tables follows or is refused."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from penstock import databases
from penstock.errors import MigrationError, PreflightFailed
from penstock.stages.switch import undo
from tests.support.data.shop import Shop
from tests.support.one_run import moved


@pytest.fixture(params=["postgresql", "mariadb", "sqlite"])
def served(request: pytest.FixtureRequest, shop: Shop) -> Shop:
    """The shop, to be moved to a target that other processes read."""
    if request.param == "sqlite":
        file = shop.folder / "target.sqlite"
        with sqlite3.connect(file) as db:
            db.execute("PRAGMA journal_mode = WAL")
        return replace(shop, target=sa.make_url(f"sqlite:///{file}"))
    return replace(shop, target=request.getfixturevalue(f"{request.param}_url"))


@contextmanager
def polled(shop: Shop, counts: set[int], failures: list[Exception]) -> Iterator[None]:
    """While the block runs, a reader asks again and again how many customers there are."""
    stop, began = threading.Event(), threading.Event()

    def poll() -> None:
        engine = sa.create_engine(shop.target)
        with engine.connect() as connection:
            while not stop.is_set():
                try:
                    counts.add(connection.execute(sa.text("SELECT count(*) FROM customer")).scalar_one())
                    connection.rollback()
                except Exception as error:
                    failures.append(error)
                began.set()
        engine.dispose()

    reader = threading.Thread(target=poll)
    reader.start()
    began.wait(10)
    try:
        yield
    finally:
        stop.set()
        reader.join()


def test_readers_see_whole_old_or_whole_new_never_an_error(served: Shop) -> None:
    served.run("r1")
    with sqlite3.connect(str(served.source.database)) as source:
        source.executescript(
            'DELETE FROM customer WHERE id > 100; DELETE FROM "order" WHERE customer > 100;'
            ' DELETE FROM "item of ""%s"" order" WHERE "order" NOT IN (SELECT id FROM "order")'
        )
    counts: set[int] = set()
    failures: list[Exception] = []
    with polled(served, counts, failures):
        session = served.run("r2")
        after = set(counts)
        undo.undo(session)
    assert not failures
    assert counts == {300, 100} and 300 in after
    assert len(served.rows("customer", "1")) == 300


def test_undo_brings_everything_back_and_a_new_run_goes_through(served: Shop) -> None:
    served.run("r1")
    before = {t: served.rows(t, "1") for t in ("customer", "order", "log")}
    session = served.run("r2")
    undo.undo(session)
    assert {t: served.rows(t, "1") for t in before} == before
    served.run("r3")
    assert {t: served.rows(t, "1") for t in before} == before


@pytest.fixture
def postgresql_shop(shop: Shop, postgresql_url: sa.URL) -> Shop:
    return replace(shop, target=postgresql_url)


def said(shop: Shop, statement: str) -> list[tuple[object, ...]]:
    engine = sa.create_engine(shop.target)
    with engine.begin() as connection:
        result = databases.execute(connection, statement)
        rows = [tuple(r) for r in result.fetchall()] if result.returns_rows else []
    engine.dispose()
    return rows


def test_views_and_grants_follow_the_switch_and_the_undo(postgresql_shop: Shop) -> None:
    shop = postgresql_shop
    shop.run("r1")
    said(shop, "DROP ROLE IF EXISTS clerk")
    said(shop, "CREATE ROLE clerk")
    said(shop, "GRANT SELECT ON customer TO clerk")
    said(shop, "CREATE VIEW rich AS SELECT id FROM customer WHERE credit > 300")
    with sqlite3.connect(str(shop.source.database)) as source:
        source.execute("UPDATE customer SET credit = 0")
    try:
        session = shop.run("r2")
        assert said(shop, "SELECT count(*) FROM rich") == [(0,)]
        assert said(shop, "SELECT has_table_privilege('clerk', 'customer', 'SELECT')") == [(True,)]
        undo.undo(session)
        assert said(shop, "SELECT count(*) FROM rich") == [(60,)]
        assert said(shop, "SELECT has_table_privilege('clerk', 'customer', 'SELECT')") == [(True,)]
    finally:
        said(shop, "DROP OWNED BY clerk")
        said(shop, "DROP ROLE clerk")


def test_what_would_not_follow_is_refused_by_name_before_anything_moves(postgresql_shop: Shop) -> None:
    postgresql_shop.run("r1")
    said(postgresql_shop, "CREATE MATERIALIZED VIEW totals AS SELECT sum(credit) FROM customer")
    with pytest.raises(PreflightFailed) as refused:
        postgresql_shop.run("r2")
    assert "totals" in str(refused.value)


@pytest.mark.parametrize("server", ["postgresql_url", "mariadb_url"])
def test_a_table_that_others_refer_to_is_not_swapped_but_gets_what_differs(shop: Shop, server: str, request: pytest.FixtureRequest) -> None:
    shop = replace(shop, target=request.getfixturevalue(server))
    shop.run("r1")
    said(shop, "CREATE TABLE visit (customer BIGINT, CONSTRAINT outside FOREIGN KEY (customer) REFERENCES customer (id))")
    said(shop, "INSERT INTO visit VALUES (7)")
    with closing(sqlite3.connect(shop.folder / "shop.sqlite")) as db:
        db.execute("UPDATE customer SET name = 'changed' WHERE id = 7")
        db.commit()
    session = shop.run("r2")
    assert session.plan.table("customer").repairs
    assert said(shop, "SELECT name FROM customer JOIN visit ON visit.customer = customer.id") == [("changed",)]
    with pytest.raises(sa.exc.IntegrityError):
        said(shop, "INSERT INTO visit VALUES (99999)")


def test_a_run_that_has_switched_from_another_staging_area_says_so(tmp_path: Path) -> None:
    source, target = (sa.make_url(f"sqlite:///{tmp_path}/{end}.sqlite") for end in ("source", "target"))
    with closing(sqlite3.connect(tmp_path / "source.sqlite")) as db:
        db.executescript("CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)")
    for place in ("one", "other"):
        (tmp_path / place).mkdir()
    moved(tmp_path / "one", source, target, "m", "r", {})
    moved(tmp_path / "one", source, target, "m", "r", {})  # where it was staged, nothing is left to do
    with pytest.raises(MigrationError, match="run r of m has switched already, from another staging area"):
        moved(tmp_path / "other", source, target, "m", "r", {})
