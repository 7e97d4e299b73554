"""Where all contestants run: private servers, sources that are filled once, and targets that are made anew before each run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import sqlalchemy as sa

from benchmarks import data
from benchmarks.tpch import Table
from tools.mariadb_server import mariadb_server
from tools.postgresql_server import postgresql_server

POSTGRESQL = ("shared_buffers=256MB", "max_wal_size=4GB", "maintenance_work_mem=256MB")
MARIADB = ("innodb-buffer-pool-size=512M", "innodb-flush-log-at-trx-commit=0", "max-allowed-packet=1G")
SETTINGS = f"PostgreSQL: fsync=off {' '.join(POSTGRESQL)}; MariaDB: {' '.join(MARIADB)}"

LABELS = {"postgresql": "PostgreSQL", "mariadb": "MariaDB", "sqlite": "SQLite", "duckdb": "DuckDB"}

Path_ = tuple[str, str]
PATHS: tuple[Path_, ...] = (("mariadb", "postgresql"), ("postgresql", "postgresql"), ("sqlite", "duckdb"), ("postgresql", "mariadb"))
"""From which database to which one, by their names here."""

Contents = dict[str, tuple[int, Decimal]]
"""Of each table: how many rows, and the sum of its first decimal column (of its key where it has none)."""


def label(path: Path_) -> str:
    """`MariaDB → PostgreSQL`"""
    return " → ".join(LABELS[end] for end in path)


@dataclass
class Bed:
    """The servers that run, the sources that stand, and a folder for the files of both."""

    folder: Path
    servers: dict[str, sa.URL]
    contents: dict[tuple[str, float], Contents] = field(default_factory=dict)

    def source(self, database: str, tables: Sequence[Table], scale: float) -> sa.URL:
        """A database with the tables at that scale; made when it is first asked for."""
        name = f"source_{f'{scale:g}'.replace('.', '_').replace('-', '_')}"
        url = self._place(database, name)
        if (database, scale) not in self.contents:
            self.make(url)
            data.write(url, tables, scale)
            self.contents[database, scale] = contents(url, tables)
        return url

    def target(self, database: str) -> sa.URL:
        """An empty database; the one of the run before is dropped."""
        url = self._place(database, "target")
        self.make(url)
        if database == "postgresql":
            _server(self.servers["postgresql"], "CHECKPOINT")  # the run before does not write in this one's time
        return url

    def _place(self, database: str, name: str) -> sa.URL:
        if database in self.servers:
            return self.servers[database].set(database=name)
        return sa.URL.create(database, database=str(self.folder / f"{name}.{database}"))

    def make(self, url: sa.URL) -> None:
        """An empty database at `url`, in the place of one that was there."""
        backend, name = url.get_backend_name(), url.database
        if backend == "postgresql":
            _server(self.servers["postgresql"], f"DROP DATABASE IF EXISTS {name} WITH (FORCE)", f"CREATE DATABASE {name}")
        elif backend == "mysql":
            _server(self.servers["mariadb"], f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
        else:
            for suffix in ("", ".wal", "-journal"):
                Path(f"{name}{suffix}").unlink(missing_ok=True)


def _server(url: sa.URL, *statements: str) -> None:
    with sa.create_engine(url, poolclass=sa.pool.NullPool, isolation_level="AUTOCOMMIT").connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def contents(url: sa.URL, tables: Sequence[Table]) -> Contents:
    """What stands in a database: enough to see that everything arrived, which is not proof that it arrived unchanged."""
    found: Contents = {}
    with sa.create_engine(url, poolclass=sa.pool.NullPool).connect() as connection:
        for table in tables:
            column = next((c for c, t in table.columns.items() if t.startswith("DECIMAL")), table.key[0])
            count, total = connection.exec_driver_sql(f"SELECT count(*), sum({column}) FROM {table.name}").one()
            found[table.name] = (int(count), round(Decimal(str(total or 0)), 2))
    return found


@contextmanager
def bed(paths: Sequence[Path_], folder: Path) -> Iterator[Bed]:
    """The servers that these paths need, with the settings above, for as long as the block runs. Raises Missing."""
    needed = {end for path in paths for end in path}
    with ExitStack() as stack:
        servers = {}
        if "postgresql" in needed:
            servers["postgresql"] = stack.enter_context(postgresql_server(*POSTGRESQL))
        if "mariadb" in needed:
            servers["mariadb"] = stack.enter_context(mariadb_server(*MARIADB))
        yield Bed(folder, servers)
