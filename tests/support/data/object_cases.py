"""Parts of tables, one a table, in the words of each database that has them, and how to see from outside whether a part is there.

The matrix test moves them through every pair; docs/reference/schema.md is generated from what planning says of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

DATABASES = ("postgresql", "mysql", "sqlite", "duckdb")
NUMBERS = ("identity", "numbering", "next number")
"""Properties of columns that the database numbers."""


@dataclass(frozen=True)
class Case:
    """One part of a table.

    part: as the page calls it.  table: which has it and little else.  object, property: of its difference, where it has one; property is
    empty where it is an object.  make: statements.  rows: what is inserted, as VALUES.
    refused: an INSERT that the part refuses.  gives: (statements, query, answer) that only hold where the part is there.  Without one of the
    two, `counted` finds the part in the catalogue.
    counted: by target, a query that answers how many there are of it.
    """

    part: str
    table: str
    object: str
    property: str
    make: tuple[str, ...]
    rows: str = "(1, 1)"
    refused: str = ""
    gives: tuple[tuple[str, ...], str, object] | None = None
    counted: dict[str, str] = field(default_factory=dict)


def _indexed(table: str, name: str) -> dict[str, str]:
    return {
        "postgresql": f"SELECT count(*) FROM pg_indexes WHERE tablename = '{table}' AND indexname = '{name}'",
        "mysql": "SELECT count(DISTINCT index_name) FROM information_schema.statistics"
        f" WHERE table_schema = DATABASE() AND table_name = '{table}' AND index_name = '{name}'",
        "sqlite": f"SELECT count(*) FROM sqlite_schema WHERE type = 'index' AND name = '{name}'",
        "duckdb": f"SELECT count(*) FROM duckdb_indexes() WHERE index_name = '{name}'",
    }


def _index(part: str, table: str, definition: str, column: str = "n INTEGER", rows: str = "(1, 1)", kind: str = "INDEX") -> Case:
    name = f"{table}_i"
    make = (f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, {column})", f"CREATE {kind} {name} ON {table} {definition}")
    return Case(part, table, "index", "", make, rows, counted=_indexed(table, name))


def _check(part: str, table: str, condition: str, rows: str, refused: str, column: str = "n INTEGER") -> Case:
    make = f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, {column}, CONSTRAINT {table}_c CHECK ({condition}))"
    return Case(part, table, "check constraint", "", (make,), rows, refused=f"INSERT INTO {table} VALUES {refused}")


def _foreign_key(
    part: str, table: str, behind: str, gives: tuple[tuple[str, ...], str, object] | None = None, column: str = "n INTEGER"
) -> Case:
    parent = f"{table}_parent"
    make = (
        f"CREATE TABLE {parent} (id INTEGER PRIMARY KEY)",
        f"INSERT INTO {parent} VALUES (1), (2)",
        f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, {column}, CONSTRAINT {table}_f FOREIGN KEY (n) REFERENCES {parent} (id){behind})",
    )
    refused = "" if gives else f"INSERT INTO {table} VALUES (9, 99)"
    return Case(part, table, "foreign key", "", make, "(1, 1)", refused, gives)


def _action(part: str, table: str, behind: str, act: str, query: str, answer: object, column: str = "n INTEGER") -> Case:
    made = _foreign_key(part, table, f" {behind}", ((act.format(p=f"{table}_parent"),), query.format(t=table), answer), column)
    return made


def _default(part: str, table: str, type: str, default: str, answer: object) -> Case:
    make = f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, n {type} DEFAULT {default})"
    gives = ((f"INSERT INTO {table} (id) VALUES (7)",), f"SELECT n FROM {table} WHERE id = 7", answer)
    return Case(part, table, "column", "default", (make,), "(1, NULL)", gives=gives)


def _generated(part: str, table: str, words: str) -> Case:
    make = f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, n INTEGER, twice INTEGER GENERATED ALWAYS AS (n + n){words})"
    gives = ((f"INSERT INTO {table} (id, n) VALUES (7, 4)",), f"SELECT twice FROM {table} WHERE id = 7", 8)
    return Case(part, table, "column", "generated", (make, f"INSERT INTO {table} (id, n) VALUES (1, 1)"), "", gives=gives)


def _numbered(part: str, table: str, column: str, property: str = "identity", answer: int = 12, following: str = "") -> Case:
    make = (f"CREATE TABLE {table} (id {column}, n INTEGER)", *([following] if following else []))
    gives = ((f"INSERT INTO {table} (n) VALUES (7)",), f"SELECT id FROM {table} WHERE n = 7", answer)
    return Case(part, table, "column", property, (*make, f"INSERT INTO {table} (id, n) VALUES (11, 1)"), "", gives=gives)


_EVERYWHERE = (
    Case(
        "primary key",
        "keyed",
        "primary key",
        "",
        ("CREATE TABLE keyed (a INTEGER, b INTEGER, PRIMARY KEY (b, a))",),
        refused="INSERT INTO keyed VALUES (1, 1)",
    ),
    Case(
        "NOT NULL",
        "filled",
        "column",
        "nullable",
        ("CREATE TABLE filled (id INTEGER PRIMARY KEY, n INTEGER NOT NULL)",),
        refused="INSERT INTO filled VALUES (2, NULL)",
    ),
    Case(
        "unique constraint",
        "once",
        "index",
        "",
        ("CREATE TABLE once (id INTEGER PRIMARY KEY, n INTEGER, CONSTRAINT once_u UNIQUE (n))",),
        refused="INSERT INTO once VALUES (2, 1)",
    ),
    Case(
        "unique index",
        "once_more",
        "index",
        "",
        ("CREATE TABLE once_more (id INTEGER PRIMARY KEY, n INTEGER)", "CREATE UNIQUE INDEX once_more_u ON once_more (n)"),
        refused="INSERT INTO once_more VALUES (2, 1)",
    ),
    _index("index", "found", "(n, id)"),
    _foreign_key("foreign key", "child", ""),
    Case(
        "foreign key to the same table",
        "tree",
        "foreign key",
        "",
        ("CREATE TABLE tree (id INTEGER PRIMARY KEY, n INTEGER, CONSTRAINT tree_f FOREIGN KEY (n) REFERENCES tree (id))",),
        "(1, NULL)",
        refused="INSERT INTO tree VALUES (9, 99)",
    ),
    _check("check, portable", "ranged", "n BETWEEN 0 AND 9", "(1, 1)", "(2, 10)"),
    _default("default: a number", "numbered", "INTEGER", "5", 5),
    _default("default: a text", "worded", "VARCHAR(20)", "'it''s'", "it's"),
    _default("default: an expression, portable", "computed", "INTEGER", "(1 + 2)", 3),
)
_NOT_DUCKDB = (
    _index("descending index", "falling", "(n DESC)"),
    _action(
        "foreign key ON DELETE CASCADE", "cascading", "ON DELETE CASCADE", "DELETE FROM {p} WHERE id = 1", "SELECT count(*) FROM {t}", 0
    ),
    _action("foreign key ON DELETE SET NULL", "nulling", "ON DELETE SET NULL", "DELETE FROM {p} WHERE id = 1", "SELECT n FROM {t}", None),
    _action("foreign key ON UPDATE CASCADE", "moving", "ON UPDATE CASCADE", "UPDATE {p} SET id = 7 WHERE id = 1", "SELECT n FROM {t}", 7),
    _generated("generated column, stored", "written", " STORED"),
)

_INLINE = Case(
    "foreign key of a column, ON DELETE CASCADE",
    "inline",
    "foreign key",
    "",
    (
        "CREATE TABLE inline_parent (id INTEGER PRIMARY KEY)",
        "INSERT INTO inline_parent VALUES (1), (2)",
        "CREATE TABLE inline (id INTEGER PRIMARY KEY, n INTEGER REFERENCES inline_parent (id) ON DELETE CASCADE)",
    ),
    gives=(("DELETE FROM inline_parent WHERE id = 1",), "SELECT count(*) FROM inline", 0),
)


def _comments(table: str) -> dict[str, str]:
    return {
        "postgresql": f"SELECT count(*) FROM pg_description WHERE objoid = '{table}'::regclass",
        "mysql": "SELECT (SELECT count(*) FROM information_schema.columns WHERE table_schema = DATABASE() AND column_comment <> ''"
        f" AND table_name = '{table}') + (SELECT count(*) FROM information_schema.tables WHERE table_schema = DATABASE()"
        f" AND table_comment <> '' AND table_name = '{table}')",
        "sqlite": "SELECT 0",
        "duckdb": f"SELECT (SELECT count(*) FROM duckdb_tables() WHERE table_name = '{table}' AND comment IS NOT NULL)"
        f" + (SELECT count(*) FROM duckdb_columns() WHERE table_name = '{table}' AND comment IS NOT NULL)",
    }


def _commented(words: bool) -> tuple[Case, ...]:
    """words: comments are statements of their own."""
    plain = "(id INTEGER PRIMARY KEY, n INTEGER)"
    of_table = (f"CREATE TABLE said {plain}", "COMMENT ON TABLE said IS 'why'") if words else (f"CREATE TABLE said {plain} COMMENT 'why'",)
    of_column = ("CREATE TABLE noted (id INTEGER PRIMARY KEY, n INTEGER COMMENT 'why')",)
    if words:
        of_column = (f"CREATE TABLE noted {plain}", "COMMENT ON COLUMN noted.n IS 'why'")
    return (
        Case("comment on the table", "said", "table", "comment", of_table, counted=_comments("said")),
        Case("comment on a column", "noted", "column", "comment", of_column, counted=_comments("noted")),
    )


def _collated(collation: str, answer: int) -> Case:
    make = f"CREATE TABLE collated (id INTEGER PRIMARY KEY, n VARCHAR(20) COLLATE {collation})"
    return Case(
        "collation of a column",
        "collated",
        "column",
        "collation",
        (make,),
        "(1, 'A')",
        gives=((), "SELECT count(*) FROM collated WHERE n = 'a'", answer),
    )


def _triggers(table: str) -> dict[str, str]:
    return {
        "postgresql": f"SELECT count(*) FROM pg_trigger WHERE tgrelid = '{table}'::regclass AND NOT tgisinternal",
        "mysql": f"SELECT count(*) FROM information_schema.triggers WHERE event_object_schema = DATABASE() AND event_object_table = '{table}'",
        "sqlite": f"SELECT count(*) FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = '{table}'",
        "duckdb": "SELECT 0",
    }


def _partitions(table: str) -> dict[str, str]:
    return {
        "postgresql": f"SELECT count(*) FROM pg_inherits WHERE inhparent = '{table}'::regclass",
        "mysql": "SELECT count(*) FROM information_schema.partitions WHERE table_schema = DATABASE() AND partition_name IS NOT NULL"
        f" AND table_name = '{table}'",
        "sqlite": "SELECT 0",
        "duckdb": "SELECT 0",
    }


_TRIGGERED = "CREATE TABLE triggered (id INTEGER PRIMARY KEY, n INTEGER)"
CASES: dict[str, tuple[Case, ...]] = {
    "postgresql": (
        *_EVERYWHERE,
        *_NOT_DUCKDB,
        _INLINE,
        *_commented(words=True),
        _numbered(
            "identity", "counted", "INTEGER GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY", following="SELECT setval('counted_id_seq', 11)"
        ),
        replace(
            _numbered(
                "identity in steps",
                "stepping",
                "INTEGER GENERATED BY DEFAULT AS IDENTITY (INCREMENT BY 5) PRIMARY KEY",
                "numbering",
                following="SELECT setval('stepping_id_seq', 11)",
            ),
            gives=(
                ("INSERT INTO stepping (n) VALUES (7)", "INSERT INTO stepping (n) VALUES (8)"),
                "SELECT id FROM stepping WHERE n = 8",
                21,
            ),
        ),
        _numbered(
            "the next number, further than the rows",
            "ahead",
            "INTEGER GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY",
            "next number",
            90,
            "SELECT setval('ahead_id_seq', 90, false)",
        ),
        _index("index on an expression", "expressed", "((n + 1))"),
        _index("partial index", "partial", "(n) WHERE n > 0"),
        _index("index of another method", "hashed", "USING hash (n)"),
        replace(
            _index("index with INCLUDE", "holding", "(n) INCLUDE (id)"),
            property="include",
            counted={
                "postgresql": "SELECT count(*) FROM pg_indexes WHERE indexname = 'holding_i' AND indexdef LIKE '%INCLUDE%'",
                **dict.fromkeys(("mysql", "sqlite", "duckdb"), "SELECT 0"),
            },
        ),
        _index("index with an operator class", "classed", "(n text_pattern_ops)", "n TEXT", "(1, 'a')"),
        _index("index with NULLS LAST", "nulls_last", "(n DESC NULLS LAST)"),
        _check("check, not portable", "matched", "n ~ '^[a-z]+$'", "(1, 'a')", "(2, '1')", "n TEXT"),
        _default("default: an expression, not portable", "odd", "TEXT", "md5('a')", "0cc175b9c0f1b6a831c399e269772661"),
        Case(
            "partitions",
            "parted",
            "partitions",
            "",
            (
                "CREATE TABLE parted (id INTEGER PRIMARY KEY, n INTEGER) PARTITION BY RANGE (id)",
                "CREATE TABLE parted_low PARTITION OF parted FOR VALUES FROM (0) TO (9)",
            ),
            counted=_partitions("parted"),
        ),
        Case(
            "trigger",
            "triggered",
            "trigger",
            "",
            (
                _TRIGGERED,
                "CREATE FUNCTION fires() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
                "CREATE TRIGGER fired BEFORE INSERT ON triggered FOR EACH ROW EXECUTE FUNCTION fires()",
            ),
            counted=_triggers("triggered"),
        ),
    ),
    "mysql": (
        *_EVERYWHERE,
        *_NOT_DUCKDB,
        _INLINE,
        *_commented(words=False),
        _generated("generated column, virtual", "virtual_one", " VIRTUAL"),
        _numbered("AUTO_INCREMENT", "counted", "INTEGER AUTO_INCREMENT PRIMARY KEY"),
        _numbered(
            "the next number, further than the rows",
            "ahead",
            "INTEGER AUTO_INCREMENT PRIMARY KEY",
            "next number",
            90,
            "ALTER TABLE ahead AUTO_INCREMENT = 90",
        ),
        _index("index on a prefix", "prefixed", "(n(3))", "n VARCHAR(20)", "(1, 'abcd')"),
        _index("FULLTEXT index", "worded_index", "(n)", "n TEXT", "(1, 'abcd')", "FULLTEXT INDEX"),
        _check("check, not portable", "matched", "n REGEXP '^[a-z]+$'", "(1, 'a')", "(2, '1')", "n VARCHAR(20)"),
        _default("default: an expression, not portable", "odd", "VARCHAR(40)", "(conv('a', 16, 10))", "10"),
        _collated("utf8mb4_general_ci", 1),
        Case(
            "ON UPDATE CURRENT_TIMESTAMP",
            "touched",
            "column",
            "ON UPDATE",
            ("CREATE TABLE touched (id INTEGER PRIMARY KEY, n DATETIME NULL ON UPDATE CURRENT_TIMESTAMP)",),
            "(1, '2001-01-01')",
            gives=(("UPDATE touched SET id = 2",), "SELECT count(*) FROM touched WHERE n > '2002-01-01'", 1),
        ),
        Case(
            "partitions",
            "parted",
            "partitions",
            "",
            ("CREATE TABLE parted (id INTEGER PRIMARY KEY, n INTEGER) PARTITION BY RANGE (id) (PARTITION low VALUES LESS THAN (9))",),
            counted=_partitions("parted"),
        ),
        Case(
            "trigger",
            "triggered",
            "trigger",
            "",
            (_TRIGGERED, "CREATE TRIGGER fired BEFORE INSERT ON triggered FOR EACH ROW SET NEW.n = NEW.n"),
            counted=_triggers("triggered"),
        ),
    ),
    "sqlite": (
        *_EVERYWHERE,
        *_NOT_DUCKDB,
        _INLINE,
        _generated("generated column, virtual", "virtual_one", " VIRTUAL"),
        _numbered("numbers of INTEGER PRIMARY KEY", "counted", "INTEGER PRIMARY KEY"),
        _index("index on an expression", "expressed", "(n + 1)"),
        _index("partial index", "partial", "(n) WHERE n > 0"),
        _check("check, not portable", "matched", "n GLOB '[a-z]*'", "(1, 'a')", "(2, '1')", "n VARCHAR(20)"),
        _default("default: an expression, not portable", "odd", "VARCHAR(40)", "(hex('a'))", "61"),
        _collated("NOCASE", 1),
        Case(
            "trigger",
            "triggered",
            "trigger",
            "",
            (_TRIGGERED, "CREATE TRIGGER fired AFTER INSERT ON triggered BEGIN SELECT 1; END"),
            counted=_triggers("triggered"),
        ),
    ),
    "duckdb": (
        *_EVERYWHERE,
        *_commented(words=True),
        _generated("generated column, virtual", "virtual_one", " VIRTUAL"),
        _index("index on an expression", "expressed", "((n + 1))"),
        _check("check, not portable", "matched", "regexp_matches(n, '^[a-z]+$')", "(1, 'a')", "(2, '1')", "n VARCHAR"),
        _default("default: an expression, not portable", "odd", "VARCHAR", "(md5('a'))", "0cc175b9c0f1b6a831c399e269772661"),
        _collated("NOCASE", 1),
    ),
}
