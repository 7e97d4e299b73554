"""A small shop in SQLite: a composite key, a keyless table, a table called order, NULLs beside empty texts."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from penstock import databases
from penstock.migration.loader import load
from penstock.migration.spec import Migration
from penstock.planning.request import RunRequest
from penstock.state.run_context import RunContext
from tests.support.requests import ran, request

DDL = """
CREATE TABLE customer (id INTEGER PRIMARY KEY, name VARCHAR(40) NOT NULL, email TEXT, born DATE, credit DECIMAL(12,2) DEFAULT 0, at TIMESTAMP);
CREATE UNIQUE INDEX customer_email ON customer (email);
CREATE TABLE "order" (id INTEGER PRIMARY KEY, customer INTEGER NOT NULL REFERENCES customer (id), note TEXT, paid BOOLEAN);
CREATE INDEX order_customer ON "order" (customer);
CREATE TABLE "item of ""%s"" order" ("order" INTEGER NOT NULL REFERENCES "order" (id), line INTEGER NOT NULL, sku TEXT NOT NULL, price DECIMAL(8,2),
  PRIMARY KEY ("order", line));
CREATE TABLE log (said TEXT, weight REAL);
CREATE TABLE "nothing" (id INTEGER PRIMARY KEY, v TEXT);
"""
ITEMS = 'item of "%s" order'
TABLES = ("customer", "log", "nothing", "order", ITEMS)


def fill(path: Path, customers: int = 300) -> None:
    """Make the shop at `path`."""
    with sqlite3.connect(path) as db:
        db.executescript(DDL)
        people = [
            (
                n,
                ["Zoë", "O'Neil", "名前", "tab\there", "line\nbreak", 'q"uote'][n % 6],
                None if n % 7 == 0 else f"c{n}@example.com" if n % 11 else "" if n == 11 else None,
                f"19{n % 90 + 10}-02-{n % 28 + 1:02}",
                n * 1.25,
                f"2024-03-{n % 28 + 1:02} 02:30:{n % 60:02}.{n:06}",
            )
            for n in range(1, customers + 1)
        ]
        db.executemany("INSERT INTO customer VALUES (?,?,?,?,?,?)", people)
        db.executemany(
            'INSERT INTO "order" VALUES (?,?,?,?)',
            [(n, n % customers + 1, [None, "", "~", "\\N"][n % 4], n % 2) for n in range(1, 2 * customers)],
        )
        lines = [(n, line, f"sku{n % 13}", round(n / 7, 2)) for n in range(1, 2 * customers) for line in (1, 2)]
        db.executemany('INSERT INTO "item of ""%s"" order" VALUES (?,?,?,?)', lines)
        db.executemany("INSERT INTO log VALUES (?,?)", [(f"said {n % 10}", n / 3) for n in range(50)] * 2)


@dataclass(frozen=True)
class Shop:
    """A migration of the shop that tests run and change."""

    folder: Path
    source: sa.URL
    target: sa.URL
    extra: str = ""

    @property
    def file(self) -> Path:
        return self.folder / "shop.yaml"

    def write(self, tables: str = "", extra: str = "") -> Migration:
        text = f"name: shop\nsource: {self.source.render_as_string(hide_password=False)}\ntarget: {self.target.render_as_string(hide_password=False)}\n{extra}\n"
        self.file.write_text(text + (f"tables:\n{tables}\n" if tables else ""))
        return load(self.file)

    def run(self, run_id: str = "r1", migration: Migration | None = None, **options: Any) -> RunContext:
        return ran(*self._where(run_id, migration), **options)

    def request(self, run_id: str = "r1", migration: Migration | None = None, **options: Any) -> RunRequest:
        return request(*self._where(run_id, migration), **options)

    def _where(self, run_id: str, migration: Migration | None) -> tuple[Any, ...]:
        migration = migration or self.write()
        return migration, run_id, str(self.folder / "staging"), self.source, self.target, self.folder / "expectations"

    def rows(self, table: str, order: str = "1, 2", url: sa.URL | None = None) -> list[tuple[object, ...]]:
        """A table's rows by the plain driver, not through the engine."""
        url = url or self.target
        database = databases.of(url)
        engine = database.engine(url)
        with engine.connect() as connection:
            found = databases.execute(connection, f"SELECT * FROM {databases.quote(database, table)} ORDER BY {order}").fetchall()
        engine.dispose()
        return [tuple(r) for r in found]

    def tables(self) -> set[str]:
        """The names of all tables at the target."""
        engine = databases.of(self.target).engine(self.target)
        with engine.connect() as connection:
            return set(sa.inspect(connection).get_table_names())


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """The shop, to be moved from SQLite to DuckDB."""
    fill(tmp_path / "shop.sqlite")
    return Shop(tmp_path, sa.make_url(f"sqlite:///{tmp_path}/shop.sqlite"), sa.make_url(f"duckdb:///{tmp_path}/shop.duckdb"))
