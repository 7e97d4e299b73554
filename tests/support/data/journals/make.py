"""Makes the fixtures of this folder: what a version of Penstock has left in each target database and in staging.

Check the version out elsewhere, and run this with its code, once for each database:

    git archive <commit> | tar -x -C /tmp/old && cp penstock/*.so /tmp/old/penstock/
    PYTHONPATH=/tmp/old python tests/support/data/journals/make.py sqlite

It writes `<database>.sql`, all tables of the target, and `<database>.json`: the rows that were live before and after the last run of each
migration, and the files that these runs left in staging. All of them are kept for SQLite; for the others, those that an undo reads.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy as sa

HERE = Path(__file__).parent
MIGRATIONS = {
    "town": """\
bad_rows: {action: quarantine, at_most: 5}
tables:
  include: [person, pet]
  person: {transform: [{cast: {age: int32}}]}
""",
    "days": """\
schedule: '@daily'
start_date: 2026-03-01
tables:
  include: [orders, payment, note]
  orders: {partition: {by: created_at}}
  payment: {partition: {by: paid_at}}
  note: {incremental: {by: updated_at}}
""",
    "parts": """\
schedule: '@daily'
start_date: 2026-03-01
tables:
  include: [event]
  event: {partition: {by: moment, how: attach}}
""",
}
"""By name, the migrations: whole tables with a foreign key and a bad row; rows of an interval and of an increment; native partitions."""
TABLES = {"town": ("person", "pet"), "days": ("orders", "payment", "note"), "parts": ("event",)}
SOURCE = """
CREATE TABLE person (id INTEGER PRIMARY KEY, name VARCHAR(40) NOT NULL, age TEXT);
CREATE TABLE pet (id INTEGER PRIMARY KEY, person INTEGER NOT NULL REFERENCES person (id), name VARCHAR(40));
CREATE TABLE orders (id INTEGER PRIMARY KEY, total DECIMAL(10,2), created_at TIMESTAMP NOT NULL);
CREATE TABLE payment (id INTEGER PRIMARY KEY, orders_id INTEGER NOT NULL REFERENCES orders (id), paid_at TIMESTAMP NOT NULL);
CREATE TABLE note (id INTEGER PRIMARY KEY, body VARCHAR(40), updated_at TIMESTAMP NOT NULL);
CREATE TABLE event (id INTEGER NOT NULL, kind VARCHAR(10), moment TIMESTAMP NOT NULL, PRIMARY KEY (id, moment));
CREATE TABLE other (id INTEGER PRIMARY KEY, word VARCHAR(40));
INSERT INTO person VALUES (1, 'Zoë', '31'), (2, 'Bo', '22'), (3, 'Cy', 'old');
INSERT INTO pet VALUES (1, 1, 'Rex'), (2, 2, 'Mia'), (3, 2, NULL);
INSERT INTO orders VALUES (1, 9.5, '2026-03-01 10:00:00'), (2, 7, '2026-03-01 23:50:00'), (3, 1.25, '2026-03-02 08:00:00');
INSERT INTO payment VALUES (1, 1, '2026-03-01 11:00:00'), (2, 2, '2026-03-02 00:10:00'), (3, 3, '2026-03-02 09:00:00');
INSERT INTO note VALUES (1, 'first', '2026-03-01 12:00:00'), (2, 'second', '2026-03-02 12:00:00');
INSERT INTO event VALUES (1, 'a', '2026-03-01 01:00:00'), (2, 'b', '2026-03-01 02:00:00'), (3, 'a', '2026-03-02 03:00:00');
INSERT INTO other VALUES (1, 'one'), (2, 'two');
"""
CHANGES = """
UPDATE person SET name = 'Bob' WHERE id = 2;
DELETE FROM pet WHERE id = 3;
INSERT INTO pet VALUES (4, 1, 'Tom');
UPDATE orders SET total = 10 WHERE id = 1;
INSERT INTO orders VALUES (4, 3, '2026-03-01 15:00:00');
INSERT INTO payment VALUES (4, 4, '2026-03-01 16:00:00');
UPDATE note SET body = 'third', updated_at = '2026-03-02 13:00:00' WHERE id = 2;
UPDATE event SET kind = 'c' WHERE id = 2;
"""
LIVE = """
CREATE TABLE event (id bigint NOT NULL, kind varchar(10), moment timestamp NOT NULL, PRIMARY KEY (id, moment)) PARTITION BY RANGE (moment);
CREATE TABLE event_1 PARTITION OF event FOR VALUES FROM ('2026-03-01') TO ('2026-03-02');
"""
FIRST, SECOND = "2026-03-01..2026-03-02", "2026-03-02..2026-03-03"


def files(folder: Path, source: str, target: str, names: tuple[str, ...]) -> None:
    """Write the migration files."""
    for name in names:
        head = f"name: {name}\nsource: {source}\ntarget: {target}\nswitch: {{keep_old: 36500d}}\n"
        (folder / f"{name}.yaml").write_text(head + MIGRATIONS[name])


def make(database: str) -> None:
    """Make the fixture of one database."""
    names = tuple(n for n in MIGRATIONS if n != "parts" or database == "postgresql")
    with tempfile.TemporaryDirectory() as place, _target(database, Path(place)) as url:
        folder = Path(place)
        address = url.render_as_string(hide_password=False)
        with closing(sqlite3.connect(folder / "source.sqlite")) as db:
            db.executescript(SOURCE)
        if "parts" in names:
            _ask(url, *LIVE.strip().splitlines())
        files(folder, f"sqlite:///{folder}/source.sqlite", address, names)
        os.chdir(folder)
        last = {"town": ("r2",), "days": ("r3", FIRST), "parts": ("r2", FIRST)}
        for name in names:
            for run, interval in (("r1", FIRST), ("r2", SECOND)) if name == "days" else (("r1", FIRST),):
                _run(name, run, "" if name == "town" else interval)
        before = {name: rows(url, TABLES[name]) for name in names}
        with closing(sqlite3.connect(folder / "source.sqlite")) as db:
            db.executescript(CHANGES)
        for name in names:
            _run(name, *last[name])
        _command("quarantine", "town.yaml", "--staging", "staging", "--run-id", "r2", "--redrive")
        after = {name: rows(url, TABLES[name]) for name in names}
        runs = {name: last[name][0] for name in names}
        staged = {
            f"{name}/{run}/{file}": found
            for name, run in runs.items()
            for file, found in _files(folder / "staging" / name / run).items()
            if database == "sqlite" or file in ("plan.json", "proof.json", "switch.json")
        }
        record = {"runs": runs, "before": before, "after": after, "staging": staged}
        texts = {f"{database}.json": _lines(record), f"{database}.sql": _dump(database, url, folder)}
        for name, text in texts.items():
            text = text.replace(address, "{target}").replace(url.render_as_string(), "{target}")
            (HERE / name).write_text(text.replace(str(folder), "{folder}") + "\n")


def _command(*argv: str) -> None:
    try:
        from penstock.cli.commands import main
    except ImportError:
        from penstock.cli import main  # type: ignore[attr-defined, no-redef]  # versions before the first release
    if code := main(argv):
        sys.exit(f"penstock {' '.join(argv)} ended with {code}")


def _run(name: str, run: str, interval: str = "") -> None:
    which = ("--interval", interval) if interval else ()
    _command("run", f"{name}.yaml", "--staging", "staging", "--run-id", run, *which)


def _lines(record: dict[str, dict[str, Any]]) -> str:
    """JSON with a line for each entry of each part."""
    parts = []
    for part, entries in record.items():
        lines = (f"  {json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}" for name, value in entries.items())
        parts.append(f" {json.dumps(part)}: {{\n" + ",\n".join(lines) + "\n }")
    return "{\n" + ",\n".join(parts) + "\n}"


def _files(area: Path) -> dict[str, Any]:
    """The JSON files of a run."""
    return {str(f.relative_to(area)): json.loads(f.read_text()) for f in sorted(area.rglob("*.json"))}


@contextmanager
def _target(database: str, folder: Path) -> Iterator[sa.URL]:
    if database in ("sqlite", "duckdb"):
        yield sa.make_url(f"{database}:///{folder}/target.{database}")
        return
    from tools import mariadb_server, postgresql_server

    server = mariadb_server.mariadb_server() if database == "mariadb" else postgresql_server.postgresql_server()
    with server as url:
        engine = sa.create_engine(url, poolclass=sa.pool.NullPool, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql("CREATE DATABASE fixture" + (" CHARACTER SET utf8mb4" if database == "mariadb" else ""))
        yield url.set(database="fixture")


def _ask(url: sa.URL, *statements: str) -> list[tuple[Any, ...]]:
    """Run statements; the rows of the last one."""
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    with engine.begin() as connection:
        results = [connection.exec_driver_sql(s) for s in statements]
        rows = [tuple(r) for r in results[-1].fetchall()] if results[-1].returns_rows else []
    engine.dispose()
    return rows


def rows(url: sa.URL, tables: tuple[str, ...]) -> dict[str, list[list[str]]]:
    """The rows of live tables as texts."""
    return {t: [[str(v) for v in row] for row in _ask(url, f"SELECT * FROM {t} ORDER BY 1")] for t in tables}


def _dump(database: str, url: sa.URL, folder: Path) -> str:
    """All tables of the target as SQL, a statement that ends a line after the other."""
    if database == "sqlite":
        with closing(sqlite3.connect(folder / "target.sqlite")) as db:
            return "\n".join(line for line in db.iterdump() if line not in ("BEGIN TRANSACTION;", "COMMIT;"))
    if database == "duckdb":
        return _duckdb(url)
    if database == "mariadb":
        ends = [f"--host={url.host}", f"--port={url.port}", f"--user={url.username}", "--protocol=tcp"]
        options = ["--no-defaults", "--compact", "--skip-extended-insert", "--no-tablespaces", "--default-character-set=utf8mb4"]
        options[1:1] = ends
        found = _output(["mariadb-dump", *options, str(url.database)], {"MYSQL_PWD": str(url.password or "")})
    else:
        address = url.set(drivername="postgresql").render_as_string(hide_password=False)
        found = _output(["pg_dump", "--inserts", "--no-owner", "--no-privileges", "--no-comments", f"--dbname={address}"], {})
    lines = (line for line in found.splitlines() if line.strip() and not line.startswith(("--", "\\", "/*M!")))
    return "\n".join(lines)


def _output(command: list[str], more: dict[str, str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ | more).stdout


def _duckdb(url: sa.URL) -> str:
    lines = []
    tables = _ask(url, "SELECT schema_name, table_name, sql FROM duckdb_tables() WHERE NOT internal ORDER BY 1, 2")
    lines += [f"CREATE SCHEMA {schema};" for schema in sorted({s for s, _, _ in tables} - {"main"})]
    for schema, table, sql in tables:
        lines.append(sql)
        for row in _ask(url, f'SELECT * FROM "{schema}"."{table}"'):
            lines.append(f'INSERT INTO "{schema}"."{table}" VALUES ({", ".join(map(_literal, row))});')
    return "\n".join(lines)


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, int | float | Decimal):
        return str(value)
    text = value.isoformat(sep=" ") if isinstance(value, dt.datetime) else str(value)
    return "'" + text.replace("'", "''") + "'"


if __name__ == "__main__":
    make(sys.argv[1])
