"""MySQL and MariaDB: lines in by mysqlclient, LOAD DATA LOCAL out, one RENAME TABLE to switch.

Manual: https://mariadb.com/kb/en/rename-table/ (several tables in one atomic statement; foreign keys follow).
Its catalogue, its rows and its loads have a file each beside this one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from penstock.databases import Move, execute
from penstock.databases._shared import column_checks, ddl, lengths
from penstock.databases._shared.column_checks import Refusal
from penstock.databases.mysql import catalogue, load, references, rows, server, types
from penstock.databases.mysql.catalogue import qualified, quoted
from penstock.databases.mysql.types import TEXT, TYPES
from penstock.model.schema import INTEGERS, TEXTS, Column, Table, TableName, Type

label = "MySQL/MariaDB"
drivername = "mysql+mysqldb"
quote_character = "`"
max_identifier = 64
own_names = frozenset({"index"})
refused_names = "[\U00010000-\U0010ffff]| $"  # nothing beyond the basic plane
folds_tables = False
snapshot = "run"
ddl_in_transaction = False
session_lock = ("SELECT GET_LOCK(:name, :seconds)", "SELECT RELEASE_LOCK(:name)")
parallel_writers = True
ordered_keys = True
row_place = ""
keys_after_load = False  # InnoDB stores rows in the order of the primary key
more_memory = ""
copies = (0, 0)
vector = 1
secondary_indexes = True
foreign_keys = True
dialect = "mysql"
holds = frozenset({"check", "comment", "stored", "virtual"})
shared_names = frozenset({"foreign key", "check"})
keep_numbers = ""
follows_renames = True
embedded = False
exchange = None
oldest = {"MariaDB": (10, 3), "MySQL": (5, 7)}
kept_types = (
    r"(?:tiny|small|medium|big)?int\(\d+\)(?: unsigned)?(?: zerofill)?|(?:tiny|medium)?(?:text|blob)|(?:var)?(?:char|binary)\(\d+\)"
)
kept_types += r"|(?:datetime|timestamp|time)(?:\(\d\))?"
loose = frozenset({"date", "time", "timestamp", "timestamptz"})  # zero and partial dates, times beyond a day

_LONGEST_KEY = 255  # of an unbounded text that is part of a key; InnoDB's keys have 3,072 bytes
_SESSION = (
    "SET max_error_count = 65535",  # of a load each warning tells of a row
    "SET net_write_timeout = 3600",  # rows stream unbuffered: a consumer that pauses must not be cut off
    "SET time_zone = '+00:00'",
    # without it InnoDB locks gaps of the journal too, and runs at the same time wait for each other in a circle
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    "SET sql_mode = 'STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION,NO_ZERO_DATE,NO_ZERO_IN_DATE'",
    "SET optimizer_switch = 'derived_merge=on'",  # `read` wraps its select, which must never be written to a table first
)
# MariaDB writes a single group of zeros as :: too, which is for two and more (RFC 5952). {1} is how many colons there are.
_INET6 = (
    "CASE WHEN {1} = 8 AND {0} LIKE '::%' THEN CONCAT('0:', SUBSTRING({0}, 3)) WHEN {1} = 8 THEN CONCAT(LEFT({0}, LENGTH({0}) - 1), '0')"
    " WHEN {1} = 7 AND {0} NOT LIKE '::%' AND {0} NOT LIKE '%::' THEN REPLACE({0}, '::', ':0:') ELSE {0} END"
)
_FIRST, _LAST = -719_528, 2_932_896  # the years 0 to 9999
_LAST_INSTANT = 49_709  # older servers end in 2038: what lies between, they refuse themselves
SNAPSHOT_PATIENCE = 5  # seconds that the source's writers may have to wait, at most

canonical = types.canonical
exact = TYPES.exact


def folded(name: str) -> str:
    return "".join(c.lower() if len(c.lower()) == 1 else c for c in name)  # accents count in names


def native(type: Type, identity: bool = False) -> str:
    numbered = " AUTO_INCREMENT" if identity and type.name in INTEGERS else ""
    return TYPES.counterpart(type)[0] + numbered


def refuses(column: Column) -> list[Refusal]:
    kind = column.type
    checks: list[Refusal] = []
    if kind.name in ("float32", "float64"):
        checks.append(column_checks.not_finite("NaN or an infinity, which no number is here"))
    if kind.length and kind.name == "string" and native(kind).startswith("varchar("):
        checks.append(column_checks.longer(kind.length))
    if kind.labels and kind.name in ("enum", "set"):
        checks.append(column_checks.unlabelled(kind.labels, many=kind.name == "set"))
    if kind.name in ("date", "timestamp"):
        checks.append(column_checks.outside(_FIRST, _LAST, "before the year 0, or beyond 9999"))
    if kind.name == "timestamptz":
        checks.append(column_checks.outside(0, _LAST_INSTANT, "before 1970, or beyond 2106: a timestamp of this database is neither"))
    return checks


def key_native(type: Type) -> str | None:
    """How a text or binary column is written when it is part of a key, which can't be of any length; None when that makes no difference."""
    if not native(type).startswith("long") and (type.length is None or type.length <= _LONGEST_KEY * 3):
        return None
    return f"varbinary({_LONGEST_KEY})" if type.name == "binary" else f"varchar({_LONGEST_KEY}) {TEXT}"


def read_expression(column: Column) -> str:
    name = quoted(column.name)
    if column.type.name in ("float32", "float64"):
        return f"{name} * 1E0"  # a float would be printed with six digits, a double(10,3) with three decimals
    if column.type.name == "boolean":
        return f"{name} + 0"  # bit(1) would come as a byte
    if width := re.fullmatch(r"bit\((\d+)\)", column.native):
        return f"LPAD(BIN({name} + 0), {width[1]}, '0')"
    if column.native == "inet6":
        return _INET6.format(f"CAST({name} AS CHAR)", f"(LENGTH(CAST({name} AS CHAR)) - LENGTH(REPLACE(CAST({name} AS CHAR), ':', '')))")
    return f"CAST({name} AS CHAR)" if column.type.name in ("unsupported", "uuid", "json", "inet") else name


def key_expression(column: Column) -> str:
    name = quoted(column.name)
    return f"CAST(CONVERT({name} USING utf8mb4) AS BINARY)" if column.type.name in TEXTS else name


def key_literal(value: int | str, column: Column) -> str:
    if isinstance(value, int):
        return str(value)
    return f"X'{value.encode().hex()}'" if column.type.name in TEXTS else "'" + value.replace("'", "''") + "'"


def key_value(column: Column) -> str:
    return quoted(column.name) if column.type.name in INTEGERS else f"CAST({quoted(column.name)} AS CHAR)"


def moment(column: Column) -> str:
    return quoted(column.name)


def moment_literal(moment: str, column: Column) -> str:
    return f"'{moment}'"  # the session's zone is UTC


def shadow(live: TableName, migration: str, token: str = "") -> TableName:
    return TableName(ddl.fitted(f"penstock_new{'_' if token else ''}{token}__{live.name}", max_identifier), live.schema)


def kept(live: TableName, migration: str, token: str) -> TableName:
    return TableName(ddl.fitted(f"penstock_old_{token}__{live.name}", max_identifier), live.schema)


def octets(column: Column) -> str:
    short = re.fullmatch(r"(?:tiny)?(?:text|blob)", column.native)  # 64 KiB at most
    return f"OCTET_LENGTH({quoted(column.name)})" if lengths.may_be_long(column) and not short else ""


def bound(memory: int) -> list[str]:
    return []


def schemas(names: Iterable[TableName]) -> list[str]:
    return []


def moves(moves: Sequence[Move]) -> list[str]:
    return ["RENAME TABLE " + ", ".join(f"{qualified(old)} TO {qualified(new)}" for old, new in moves)]


def drops(names: Sequence[TableName]) -> list[str]:
    # foreign keys may go round in a circle among them
    return (
        [
            "SET foreign_key_checks = 0",
            "DROP TABLE IF EXISTS " + ", ".join(map(qualified, names)),
            "SET foreign_key_checks = 1",
        ]
        if names
        else []
    )


def hold(shadows: Sequence[TableName], patience: int) -> list[str]:
    return [f"SET lock_wait_timeout = {patience}", f"SET innodb_lock_wait_timeout = {patience}"]


def broken_key(error: sa.exc.DBAPIError) -> str | None:
    return None  # see Unbound.orphans


def lock_refused(error: sa.exc.DBAPIError) -> bool:
    return (getattr(error.orig, "args", None) or (0,))[0] in (1205, 1213)  # waited too long; a deadlock


def renumber(table: Table, name: TableName) -> list[str]:
    # Loading a number sets the next one past it; where the source had got further, so does this.
    following = [c.numbering.next for c in table.columns if c.identity and c.numbering and c.numbering.next]
    return [f"ALTER TABLE {qualified(name)} AUTO_INCREMENT = {n}" for n in following]


def engine(url: sa.URL) -> sa.Engine:
    made = sa.create_engine(url, poolclass=sa.pool.NullPool, connect_args={"charset": "utf8mb4", "local_infile": 1})
    dialect: Any = made.dialect
    columns = dialect.get_columns
    # As of SQLAlchemy 2.1 a backtick in a name comes doubled, as SHOW CREATE TABLE writes it; the gates look at names.
    dialect.get_columns = lambda *args, **more: [c | {"name": c["name"].replace("``", "`")} for c in columns(*args, **more)]

    @sa.event.listens_for(made, "connect")
    def _session(connection: Any, _: object) -> None:
        for statement in _SESSION:
            connection.query(statement)

    return made


inspect = catalogue.inspect
read = rows.read
write = load.write
dependents = catalogue.dependents
left_behind = catalogue.left_behind
unbind = references.unbind
links = references.links
cut = references.cut
version = catalogue.version
assess = server.assess
sizes = server.sizes


def cuts(connection: sa.Connection, name: TableName, pieces: int) -> list[str]:
    return []


def begin_snapshot(connection: sa.Connection, *others: sa.Connection) -> bool:
    held = bool(others) and _hold_writes(connection)
    try:
        for each in (connection, *others) if held else (connection,):
            execute(each, "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            execute(each, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
    finally:
        if held:
            execute(connection, "UNLOCK TABLES")
    return held or not others


def _hold_writes(connection: sa.Connection) -> bool:
    """Keep every other session from writing, until UNLOCK TABLES; False without the privilege, or while a long statement runs."""
    try:
        execute(connection, f"SET lock_wait_timeout = {SNAPSHOT_PATIENCE}")
        execute(connection, "FLUSH TABLES WITH READ LOCK")
        return True
    except sa.exc.DBAPIError:  # if it is the connection itself, the snapshot fails next
        return False
    finally:
        execute(connection, "SET lock_wait_timeout = DEFAULT")


def seal(connection: sa.Connection, name: TableName) -> str | None:
    checksum = execute(connection, f"CHECKSUM TABLE {qualified(name)}").one()[1]
    return f"{checksum} {execute(connection, f'SELECT count(*) FROM {qualified(name)}').scalar_one()}"
