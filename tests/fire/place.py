"""Where tries happen: private servers, and a small migration between two fresh databases, whose rows tell which reading they are of."""

from __future__ import annotations

import json
import secrets
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import sqlalchemy as sa

from penstock import databases
from penstock.state import staging
from tools.mariadb_server import mariadb_server
from tools.postgresql_server import postgresql_server
from tools.s3_server import S3, s3_server

TABLES = {"street": "id, gen, name", "house": "id, street, gen, note, made", "log": "gen, said"}
"""Of each table, its columns. `gen` of every row is the number of the last change of the source."""
_DDL = (
    "CREATE TABLE street (id INTEGER PRIMARY KEY, gen INTEGER NOT NULL, name VARCHAR(40) NOT NULL)",
    "CREATE TABLE house (id INTEGER PRIMARY KEY, street INTEGER NOT NULL REFERENCES street (id), gen INTEGER NOT NULL, note VARCHAR(40), made {timestamp})",
    "CREATE TABLE log (gen INTEGER NOT NULL, said VARCHAR(40))",
    "CREATE INDEX house_street ON house (street)",
)
MOMENTS = {
    "plan": (("plan.started", 1), ("plan.written", 1)),
    "extract": (("extract.started", 3), ("extract.batch", 6), ("extract.chunk", 6), ("extract.finished", 3)),
    "gates": (("gate.started", 7), ("gate.decided", 7)),
    "transform": (("transform.started", 4), ("transform.chunk", 4), ("transform.finished", 1)),
    "load": (
        ("prepare.started", 1),
        ("prepare.finished", 1),
        ("load.started", 6),
        ("load.batch", 6),
        ("load.chunk", 6),
        ("load.finished", 1),
    ),
    "build and proof": (
        ("build.started", 1),
        ("build.statement", 1),
        ("build.finished", 1),
        ("prove.started", 1),
        ("prove.chunk", 6),
        ("prove.finished", 1),
    ),
    "switch": (("switch.started", 1), ("switch.statement", 2)),
    "after the switch": (("switch.finished", 1), ("removal.started", 1), ("removal.finished", 1), ("report.written", 1)),
}
"""By stage, the events at which a run can be interrupted, and how often each happens at least."""
_FEW = 40
_OLD = ("penstock_leases",)  # what whoever comes too late may still read and write: which process works


@dataclass(frozen=True)
class Servers:
    """A private PostgreSQL and a private MariaDB, by the URLs of users who may do anything there, and an object store."""

    postgresql: sa.URL
    mariadb: sa.URL
    s3: S3

    @staticmethod
    @contextmanager
    def started() -> Iterator[Servers]:
        """Servers that are gone in the end."""
        with (
            postgresql_server("max_connections=300") as one,
            mariadb_server("innodb-buffer-pool-size=128M", "max-connections=300") as other,
            s3_server() as store,
        ):
            yield Servers(one, other, store)

    def url(self, kind: str) -> sa.URL:
        return self.postgresql if kind == "postgresql" else self.mariadb


@dataclass(frozen=True)
class Place:
    """A migration called `fire` from `source` to `target`, and the folder that it keeps its files in.

    bucket: the URL of its staging area where that is in the object store.
    """

    folder: Path
    source: sa.URL
    target: sa.URL
    store: S3 | None = None
    bucket: str = ""

    @property
    def file(self) -> Path:
        return self.folder / "fire.yaml"

    @property
    def root(self) -> Path:
        """Where it stages, unless in a bucket."""
        return self.folder / "staging"

    def staged(self, run: str) -> staging.Staging:
        """The staging area of a run."""
        if not self.bucket or not self.store:
            return staging.of(str(self.root), "fire", run)
        path = f"{urlsplit(self.bucket).netloc}{urlsplit(self.bucket).path}/fire/{run}"
        return staging.Staging(self.store.filesystem(), path, f"s3://{path}")

    def command(self, run: str) -> tuple[str, ...]:
        """The arguments of `penstock` for a run."""
        return "run", str(self.file), "--run-id", run, "--staging", self.bucket or str(self.root)

    def out(self, name: str) -> str:
        """A file for what a command says."""
        return str(self.folder / f"{name}.out")


@contextmanager
def place(servers: Servers, source: str, target: str, extra: dict[str, object] | None = None, s3: bool = False) -> Iterator[Place]:
    """A filled source and an empty target of these kinds, which are gone in the end. extra: more of the migration file.

    s3: it stages in an object store.
    """
    folder = Path(tempfile.mkdtemp(prefix="penstock-fire-"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        made = Place(
            folder,
            *(stack.enter_context(_database(servers, kind, folder / end)) for end, kind in (("source", source), ("target", target))),
            servers.s3,
            servers.s3.bucket() if s3 else "",
        )
        _fill(made.source)
        write(made, extra)
        yield made


def write(made: Place, extra: dict[str, object] | None = None) -> None:
    """Write the migration file."""
    ends = {"source": _shown(made.source), "target": _shown(made.target)}
    steps = {"include": [*TABLES], "house": {"transform": [{"derive": {"twice": "id * 2"}}]}}
    made.file.write_text(json.dumps({"name": "fire", **ends, "chunk": "16KiB", "connections": 2, "tables": steps, **(extra or {})}))


def _shown(url: sa.URL) -> str:
    return url.render_as_string(hide_password=False)


@contextmanager
def _database(servers: Servers, kind: str, file: Path) -> Iterator[sa.URL]:
    if kind in ("sqlite", "duckdb"):
        file.mkdir()  # a folder of its own, which may be a small disk
        file /= file.name
        yield sa.make_url(f"{kind}:///{file}.{kind}")
        return
    name, server = f"fire_{secrets.token_hex(5)}", servers.url(kind)
    make, drop = (
        (f"CREATE DATABASE {name}", f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        if kind == "postgresql"
        else (f"CREATE DATABASE {name} CHARACTER SET utf8mb4", f"DROP DATABASE IF EXISTS {name}")
    )
    _on_server(server, make)
    try:
        yield server.set(database=name)
    finally:
        _on_server(server, drop)


def _on_server(server: sa.URL, statement: str) -> None:
    engine = sa.create_engine(server, poolclass=sa.pool.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(statement)
    engine.dispose()


@contextmanager
def connected(url: sa.URL) -> Iterator[sa.Connection]:
    """A connection without any lease, as another program has it."""
    engine = databases.of(url, target=True).engine(url)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def _fill(source: sa.URL) -> None:
    kind = {"timestamp": "DATETIME(6)" if source.get_backend_name() == "mysql" else "TIMESTAMP"}
    if source.get_backend_name() == "sqlite":
        with closing(sqlite3.connect(str(source.database))) as file:
            file.execute("PRAGMA journal_mode = WAL")  # so that a paused reader keeps no writer out
    with connected(source) as connection:
        for statement in _DDL:
            databases.execute(connection, statement.format(**kind))
        names = ("Zoë's", "", "名前", 'q"uote', "tab\there", "plain")
        rows: dict[str, list[dict[str, object]]] = {
            "street": [{"id": n, "gen": 0, "name": f"{names[n % 6]} {n}"} for n in range(_FEW)],
            "house": [
                {
                    "id": n,
                    "street": n % _FEW,
                    "gen": 0,
                    "note": (None, "", "~", f"note {n}")[n % 4],
                    "made": f"2024-03-{n % 28 + 1:02} 02:30:{n % 60:02}",
                }
                for n in range(_FEW * 8)
            ],
            "log": [{"gen": 0, "said": f"said {n % 17}"} for n in range(_FEW * 3)],
        }
        for table, columns in TABLES.items():
            given = ", ".join(f":{c.strip()}" for c in columns.split(","))
            connection.execute(sa.text(f"INSERT INTO {table} ({columns}) VALUES ({given})"), rows[table])
        connection.commit()


def change(made: Place, generation: int) -> None:
    """Change every row of the source, in one transaction: what is read before and after can be told apart."""
    with connected(made.source) as connection:
        for table in TABLES:
            connection.execute(sa.text(f"UPDATE {table} SET gen = {generation}"))
        connection.commit()


def rows(url: sa.URL) -> dict[str, list[tuple[str, ...]]]:
    """The rows of the migration's tables, as texts, sorted; of a table that is not there, none."""
    found: dict[str, list[tuple[str, ...]]] = {}
    with connected(url) as connection:
        there = set(sa.inspect(connection).get_table_names())
        for table, columns in TABLES.items():
            every = connection.execute(sa.text(f"SELECT {columns} FROM {table}")) if table in there else ()
            found[table] = sorted(tuple("NULL" if v is None else str(v).removesuffix(".000000") for v in row) for row in every)
    return found


def generations(found: dict[str, list[tuple[str, ...]]]) -> list[str]:
    """Of which readings these rows are."""
    places = {table: columns.replace(" ", "").split(",").index("gen") for table, columns in TABLES.items()}
    return sorted({row[places[table]] for table, every in found.items() for row in every})


_SYSTEM = {"information_schema", "pg_catalog", "pg_toast", "mysql", "performance_schema", "sys", "system", "temp"}


def everything(url: sa.URL) -> dict[str, list[str]]:
    """Every row of every table of a database, but of who works on a run."""
    found: dict[str, list[str]] = {}
    with connected(url) as connection:
        for schema, name in _names(connection):
            if name not in _OLD:
                place = ".".join(connection.dialect.identifier_preparer.quote_identifier(p) for p in (schema, name) if p)
                found[f"{schema}.{name}"] = sorted(repr(tuple(row)) for row in connection.exec_driver_sql(f"SELECT * FROM {place}"))
    return found


def shadows(url: sa.URL) -> list[str]:
    """Tables that are not live, and are no copy kept for an undo: what no run may leave behind."""
    with connected(url) as connection:
        return [
            f"{schema}.{name}"
            for schema, name in _names(connection)
            if f"{schema}.{name}".startswith(("penstock_new", ".penstock_new", "main.penstock_new"))
        ]


def _names(connection: sa.Connection) -> list[tuple[str, str]]:
    inspector = sa.inspect(connection)
    if connection.dialect.name in ("mysql", "mariadb", "sqlite"):
        return [("", name) for name in inspector.get_table_names()]
    schemas = [s for s in inspector.get_schema_names() if s.rpartition(".")[2] not in _SYSTEM]
    return [(schema.rpartition(".")[2].strip('"'), name) for schema in schemas for name in inspector.get_table_names(schema=schema)]
