"""MySQL and MariaDB: rows in by the client library, out by LOAD DATA LOCAL, one RENAME TABLE to switch.

Manual: https://mariadb.com/kb/en/rename-table/ (several tables in one atomic statement; foreign keys follow).
Its catalogue, its rows and its loads have a file each in this folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects.mysql import LONGTEXT, VARCHAR

from penstock.databases import (
    AccessRequest,
    Blocker,
    Database,
    Dependent,
    ExpressionRules,
    Failure,
    ForeignKeySuspension,
    Link,
    Move,
    Reach,
    Refusal,
    Server,
    Size,
    execute,
)
from penstock.databases._shared import column_checks, dialects, keepalive, long_values
from penstock.databases.mysql import (
    beyond_types,
    catalogue,
    definition,
    faults,
    flavours,
    load,
    locks,
    references,
    rows,
    server,
    sessions,
    types,
)
from penstock.databases.mysql.catalogue import qualified, quoted
from penstock.databases.mysql.types import TEXT, TYPES
from penstock.errors import Problem
from penstock.model.schema import INTEGERS, TEXTS, Column, Index, Table, TableName, Type
from penstock.runtime.memory import USUAL, Room

_LONGEST_KEY = 255  # of an unbounded text that is part of a key; InnoDB's keys have 3,072 bytes
_SESSION = (
    "SET max_error_count = 65535",  # a load has one warning a row
    "SET net_write_timeout = 3600",  # rows stream unbuffered: a consumer that pauses must not be cut off
    "SET time_zone = '+00:00'",
    # without it InnoDB locks gaps of the journal too, and runs at the same time wait for each other in a circle
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    "SET sql_mode = 'STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION,ALLOW_INVALID_DATES'",
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


class MySQL(Database):
    """MySQL and MariaDB."""

    label = "MySQL/MariaDB"
    drivername = "mysql+mysqldb"
    aliases = ("mariadb",)
    url_form = "mysql://user@host/database"
    type_table = TYPES
    oldest: ClassVar = {"MariaDB": (10, 3), "MySQL": (5, 7)}
    quote_character = "`"
    max_identifier = 64
    has_schemas = True
    own_names = frozenset({"index"})
    shared_names = frozenset({"foreign key", "check"})
    refused_names = "[\U00010000-\U0010ffff]| $"  # nothing beyond the basic plane
    dialect = "mysql"
    expression_rules = ExpressionRules(
        "mysql",
        wide_integers=True,
        backslash_escapes=True,
        concat_keeps_null=True,
        compares_literals_exactly=False,
        exact_collations=".*_bin",
        numbered_columns=False,  # they have no value yet when an expression is computed
    )
    index_keywords: ClassVar = {"prefix": "mysql_prefix"}
    table_features = frozenset({"check", "comment", "stored", "virtual", "restrict", "no action", "counter"})
    since = flavours.FEATURES
    kept_types = flavours.KEPT
    kept_types_since = flavours.TYPES
    types_with_invalid_values = frozenset({"date", "time", "timestamp", "timestamptz"})  # zero and partial dates, times beyond a day
    expression_defaults = r"(?:tiny|medium|long)?(?:text|blob)\b.*|json\b.*"  # MariaDB takes a literal as well
    snapshot = "run"
    ddl_in_transaction = False
    session_lock = ("SELECT GET_LOCK(:name, :seconds)", "SELECT RELEASE_LOCK(:name)")
    clock = "UNIX_TIMESTAMP(NOW(6))"
    parallel_writers = True
    ordered_keys = True
    keys_after_load = False  # InnoDB stores rows in the order of the primary key
    secondary_indexes = True
    numbers_keys_only = True
    foreign_keys = True
    follows_renames = True
    refers_to_any_index = True
    driver_copies = (0, 0)

    # ---- names and types

    def folded(self, name: str) -> str:
        return "".join(c.lower() if len(c.lower()) == 1 else c for c in name)  # accents count in names

    def canonical(self, native: str) -> Type:
        return types.canonical(native)

    def default_words(self, default: str, type: Type) -> str | None:
        if type.name == "bits" and default.startswith("="):
            return f"b'{default[1:]}'"
        if default.startswith("x"):
            # of a blob it must be an expression; of another, SHOW CREATE TABLE would write a literal's bytes, which SQLAlchemy can't read
            return f"(X'{default[1:]}')" if "blob" in self.native(type) else f"(unhex('{default[1:]}'))"
        return {"today": "(curdate())", "time": "(curtime())"}.get(default) or super().default_words(default, type)

    def native(self, type: Type, identity: bool = False) -> str:
        return super().native(type) + (" AUTO_INCREMENT" if identity and type.name in INTEGERS else "")

    def why_other_form(self, column: Column, server: Server) -> str:
        return flavours.why_other_form(column.type, server)

    def own_default(self, column: Column) -> bool:
        """Zero dates, and times beyond a day."""
        return types.own_moment(column.type, (column.default or "").removeprefix("="))

    def key_native(self, type: Type) -> str | None:
        """A key column can't have any length."""
        if not self.native(type).startswith("long") and (type.length is None or type.length <= _LONGEST_KEY * 3):
            return None
        return f"varbinary({_LONGEST_KEY})" if type.name == "binary" else f"varchar({_LONGEST_KEY}) {TEXT}"

    def text_type(self, length: int | None) -> sa.types.TypeEngine[str]:
        """In any script and by the bytes, whatever the database's own character set and collation are."""
        form = {"charset": "utf8mb4", "collation": "utf8mb4_bin"}
        return LONGTEXT(**form) if length is None else VARCHAR(length, **form)

    def column_checks(self, column: Column) -> list[Refusal]:
        kind = column.type
        checks: list[Refusal] = []
        if kind.name in ("float32", "float64"):
            checks.append(column_checks.not_finite("NaN or an infinity, which no number is here"))
        if kind.length and kind.name == "string" and self.native(kind).startswith("varchar("):
            checks.append(column_checks.longer(kind.length))
        if kind.labels and kind.name in ("enum", "set"):
            checks.append(column_checks.unlabelled(kind.labels, many=kind.name == "set"))
        if kind.name in ("date", "timestamp"):
            checks.append(column_checks.outside(_FIRST, _LAST, "before the year 0, or beyond 9999"))
        if kind.name == "timestamptz":
            checks.append(column_checks.outside(0, _LAST_INSTANT, "before 1970, or beyond 2106: a timestamp of this database is neither"))
        return checks

    # ---- expressions

    def read_expression(self, column: Column) -> str:
        name = quoted(column.name)
        if column.type.name in ("float32", "float64"):
            return f"{name} * 1E0"  # a float would be printed with six digits, a double(10,3) with three decimals
        if column.type.name == "boolean":
            return f"{name} + 0"  # bit(1) would come as a byte
        if width := re.fullmatch(r"bit\((\d+)\)", column.native):
            return f"LPAD(BIN({name} + 0), {width[1]}, '0')"
        if column.native == "inet6":
            text = f"CAST({name} AS CHAR)"
            return _INET6.format(text, f"(LENGTH({text}) - LENGTH(REPLACE({text}, ':', '')))")
        return f"CAST({name} AS CHAR)" if column.type.name in ("unsupported", "uuid", "json", "inet", "native") else name

    def key_expression(self, column: Column) -> str:
        name = quoted(column.name)
        return f"CAST(CONVERT({name} USING utf8mb4) AS BINARY)" if column.type.name in TEXTS else name

    def key_literal(self, value: int | str, column: Column) -> str:
        if isinstance(value, int):
            return str(value)
        return f"X'{value.encode().hex()}'" if column.type.name in TEXTS else "'" + value.replace("'", "''") + "'"

    def key_value(self, column: Column) -> str:
        return quoted(column.name) if column.type.name in INTEGERS else f"CAST({quoted(column.name)} AS CHAR)"

    def moment_literal(self, moment: str, column: Column) -> str:
        return f"'{moment}'"  # the session's zone is UTC

    def byte_length(self, column: Column) -> str:
        short = re.fullmatch(r"(?:tiny)?(?:text|blob)", column.native)  # 64 KiB at most
        return f"OCTET_LENGTH({quoted(column.name)})" if long_values.may_be_long(column) and not short else ""

    # ---- statements

    def table_options(self, table: Table) -> str:
        return "".join(f" {words}" for words in (*([f"COLLATE {table.collation}"] if table.collation else []), *table.options))

    def index_options(self, index: Index) -> str:
        return "".join(f" {words}" for words in (*index.options, *([] if index.visible else [flavours.IGNORED])))

    def moves(self, moves: Sequence[Move]) -> list[str]:
        return ["RENAME TABLE " + ", ".join(f"{qualified(old)} TO {qualified(new)}" for old, new in moves)]

    def drops(self, names: Sequence[TableName]) -> list[str]:
        if not names:
            return []
        together = "DROP TABLE IF EXISTS " + ", ".join(map(qualified, names))
        return ["SET foreign_key_checks = 0", together, "SET foreign_key_checks = 1"]  # foreign keys may form a circle

    def hold(self, shadows: Sequence[TableName], patience: int, live: Sequence[TableName] = ()) -> list[str]:
        return locks.hold(patience)

    def briefly(self, statements: Sequence[str]) -> list[str]:
        return locks.briefly(statements)

    def wait_at_most(self, seconds: int) -> list[str]:
        return [f"SET lock_wait_timeout = {seconds}", f"SET innodb_lock_wait_timeout = {seconds}"]

    def renumber(self, table: Table, name: TableName) -> list[str]:
        # Loading a number sets the next one past it; where the source had got further, so does this.
        following = [c.numbering.next for c in table.columns if c.identity and c.numbering and c.numbering.next]
        return [f"ALTER TABLE {qualified(name)} AUTO_INCREMENT = {n}" for n in following]

    def drop_foreign_key(self, link: Link, place: TableName) -> str:
        return f"ALTER TABLE {qualified(place)} DROP FOREIGN KEY {quoted(link.name)}"

    # ---- verbs

    def engine(self, url: sa.URL) -> sa.Engine:
        plain, chosen = keepalive.taken_out(url)
        settings = {"charset": "utf8mb4", "local_infile": 1}
        if "connect_timeout" not in url.query:
            settings["connect_timeout"] = keepalive.CONNECT_TIMEOUT
        made = sa.create_engine(plain, poolclass=sa.pool.NullPool, connect_args=settings)
        dialects.read_backticks_once(made.dialect)
        dialects.read_as_text(made.dialect, types.UNKNOWN)

        @sa.event.listens_for(made, "connect")
        def _session(connection: Any, _: object) -> None:
            keepalive.switch_on(connection.fileno(), chosen)
            for statement in _SESSION:
                connection.query(statement)

        return made

    def mark_session(self, session: Any, mark: str) -> None:
        sessions.mark(session, mark)

    def end_sessions(self, connection: sa.Connection, mark: str) -> int:
        return sessions.end(connection, mark)

    def version(self, connection: sa.Connection) -> str:
        return catalogue.version(connection)

    def begin_snapshot(self, connection: sa.Connection, *others: sa.Connection) -> bool:
        held = bool(others) and _hold_writes(connection)
        try:
            for each in (connection, *others) if held else (connection,):
                execute(each, "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                execute(each, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
        finally:
            if held and not connection.invalidated:
                execute(connection, "UNLOCK TABLES")
        return held or not others

    def inspect(self, connection: sa.Connection, schema: str | None, only: Sequence[str] | None = None) -> list[Table]:
        return catalogue.inspect(connection, schema, only)

    def beyond_types(self, connection: sa.Connection, name: TableName, columns: Sequence[Column], seconds: float) -> frozenset[str]:
        return beyond_types.read(connection, name, columns, seconds)

    def left_behind(self, connection: sa.Connection, schema: str | None) -> list[tuple[str, str]]:
        return catalogue.left_behind(connection, schema)

    def dependents(self, connection: sa.Connection, tables: Sequence[TableName]) -> list[Dependent]:
        return catalogue.dependents(connection, tables)

    def links(self, connection: sa.Connection, tables: Sequence[TableName]) -> list[Link]:
        return references.links(connection, tables)

    def unbind(self, connection: sa.Connection, tables: Sequence[TableName]) -> ForeignKeySuspension:
        return references.unbind(connection, tables)

    def preflight(self, connection: sa.Connection, use: AccessRequest) -> list[Problem]:
        return server.preflight(connection, use)

    def sizes(self, connection: sa.Connection, tables: Sequence[Table]) -> dict[str, Size]:
        return server.sizes(connection, tables)

    def blockers(self, connection: sa.Connection, reach: Reach) -> list[Blocker]:
        return locks.blockers(connection, reach)

    def end_session(self, blocker: Blocker) -> str:
        return f"KILL {blocker.session}"

    def read(self, connection: sa.Connection, select: str, columns: Sequence[Column], room: Room = USUAL) -> Iterator[pa.RecordBatch]:
        return rows.read(connection, select, columns, room)

    def write(self, connection: sa.Connection, name: TableName, columns: Sequence[Column], batches: Iterable[pa.RecordBatch]) -> None:
        load.write(connection, name, columns, batches)

    def definition(self, connection: sa.Connection, name: TableName) -> dict[str, str]:
        return definition.read(connection, name)

    def classify(self, error: sa.exc.DBAPIError) -> Failure:
        return faults.classify(error)

    def words(self, error: sa.exc.DBAPIError) -> str:
        code, text = (*getattr(error.orig, "args", ()), "", "")[:2]
        return f"{text} (error {code})".partition("\n")[0] if text else super().words(error)

    def matches(self, text: sa.ColumnElement[str], pattern: str) -> sa.ColumnElement[bool]:
        return text.regexp_match(f"(?-i){pattern}")  # else the collation decides about case


def _hold_writes(connection: sa.Connection) -> bool:
    """Keep every other session from writing, until UNLOCK TABLES; False without the privilege, or while a long statement runs."""
    try:
        execute(connection, f"SET lock_wait_timeout = {SNAPSHOT_PATIENCE}")
        execute(connection, "FLUSH TABLES WITH READ LOCK")
        return True
    except sa.exc.DBAPIError:
        return False
    finally:
        if not connection.invalidated:
            execute(connection, "SET lock_wait_timeout = DEFAULT")


DATABASE = MySQL()
