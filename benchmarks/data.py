"""TPC-H-like data, written once into each source the fastest way that the source has.

python -m benchmarks.data --scale 0.1 --to URL [--tables lineitem]
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import sqlalchemy as sa

from benchmarks.tpch import Table, add_key, ddl, named, prepare, select

_PIECE = 500_000  # base rows written at a time: what bounds memory and disk while a source is made


def pieces(tables: Sequence[Table], scale: float, folder: Path) -> Iterator[tuple[Table, Path]]:
    """Each table's rows as CSV files without a header, one piece at a time: a file is gone when the next one is asked for."""
    with duckdb.connect() as connection:
        prepare(connection)
        for table in tables:
            for first in range(1, table.rows(scale) + 1, _PIECE):
                file = folder / f"{table.name}-{first}.csv"
                last = min(first + _PIECE - 1, table.rows(scale))
                connection.execute(f"COPY ({select(table, scale, first, last)}) TO '{file}' (FORMAT csv, HEADER false)")
                yield table, file
                file.unlink()


def write(url: sa.URL, tables: Sequence[Table], scale: float) -> dict[str, int]:
    """Fill an empty database with the tables and have it analyse them. Comes back with the number of rows of each."""
    into = {"postgresql": _postgresql, "mysql": _mariadb, "mariadb": _mariadb, "sqlite": _sqlite, "duckdb": _duckdb}
    with tempfile.TemporaryDirectory(prefix="penstock-bench-") as folder:
        into[url.get_backend_name()](url, tables, scale, Path(folder))
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        return {t.name: connection.exec_driver_sql(f"SELECT count(*) FROM {t.name}").scalar_one() for t in tables}


def _postgresql(url: sa.URL, tables: Sequence[Table], scale: float, folder: Path) -> None:
    import psycopg

    with psycopg.connect(url.set(drivername="postgresql").render_as_string(hide_password=False), autocommit=True) as server:
        for table in tables:
            server.execute(ddl(table, key=False))
        for table, file in pieces(tables, scale, folder):
            with server.cursor().copy(f"COPY {table.name} FROM STDIN (FORMAT csv)") as copy, file.open("rb") as data:
                while block := data.read(1 << 20):
                    copy.write(block)
        for table in tables:
            server.execute(add_key(table))
            server.execute(f"VACUUM (FREEZE, ANALYZE) {table.name}")


def _mariadb(url: sa.URL, tables: Sequence[Table], scale: float, folder: Path) -> None:
    engine = sa.create_engine(url.set(drivername="mysql+mysqldb"), poolclass=sa.pool.NullPool, connect_args={"local_infile": 1})
    with engine.connect() as server:
        server.exec_driver_sql("SET unique_checks = 0")
        for table in tables:
            server.exec_driver_sql(ddl(table, key=True))
        for table, file in pieces(tables, scale, folder):
            form = "CHARACTER SET utf8mb4 FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\"' LINES TERMINATED BY '\\n'"
            server.exec_driver_sql(f"LOAD DATA LOCAL INFILE '{file}' INTO TABLE {table.name} {form}")
            server.commit()
        for table in tables:
            server.exec_driver_sql(f"ANALYZE TABLE {table.name}")


def _sqlite(url: sa.URL, tables: Sequence[Table], scale: float, folder: Path) -> None:
    script = ["PRAGMA journal_mode = OFF;", "PRAGMA synchronous = OFF;", *(ddl(t, key=True) + ";" for t in tables)]
    command = ["sqlite3", "-batch", "-bail", str(url.database)]
    subprocess.run(command, input="\n".join(script), text=True, check=True, stdout=subprocess.DEVNULL)
    for table, file in pieces(tables, scale, folder):
        script = ["PRAGMA journal_mode = OFF;", "PRAGMA synchronous = OFF;", f".import --csv {file} {table.name}"]
        subprocess.run(command, input="\n".join(script), text=True, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(command, input="ANALYZE;", text=True, check=True)


def _duckdb(url: sa.URL, tables: Sequence[Table], scale: float, folder: Path) -> None:
    with duckdb.connect(str(url.database)) as connection:
        prepare(connection)
        for table in tables:
            connection.execute(ddl(table, key=False))
            connection.execute(f"INSERT INTO {table.name} {select(table, scale)}")
            connection.execute(add_key(table))
        connection.execute("ANALYZE")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.data", description="Fill an empty database with TPC-H-like data.")
    parser.add_argument("--scale", type=float, default=0.1, help="1 is about 6,000,000 lineitems (default: 0.1)")
    parser.add_argument("--to", required=True, metavar="URL", help="for instance sqlite:////tmp/tpch.sqlite, postgresql+psycopg://…")
    parser.add_argument("--tables", default="lineitem", help="names with commas between, or all (default: lineitem)")
    args = parser.parse_args()
    for name, rows in write(sa.make_url(args.to), named(args.tables.split(",")), args.scale).items():
        print(f"{name:10}{rows:12,}")


if __name__ == "__main__":
    main()
