"""TPC-H's tables and what stands in them, as the SQL by which DuckDB makes it.

The tables have TPC-H's columns, types, keys and numbers of rows (about 6,000,000 lineitems a unit of scale, 0.77 GB as CSV) and the
shape of its values. The same scale gives the same rows every time: every value is a hash of its row's number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import duckdb

_WORDS = {
    "adverb": "carefully quickly furiously slyly blithely fluffily express ruthlessly daringly quietly",
    "adjective": "final regular pending special ironic even bold silent unusual busy express thin",
    "noun": "deposits requests packages accounts instructions foxes theodolites pinto_beans dependencies platelets excuses asymptotes",
    "verb": "sleep haggle nag, wake cajole boost. detect integrate engage use are doze; promise,",
}
_PHRASES = 8192


@dataclass(frozen=True)
class Table:
    """A table: its columns with their types, its key, how many base rows a unit of scale has, and the select of rows `i`.

    `fanout` makes a base row several rows, numbered `j` from 0.
    """

    name: str
    columns: dict[str, str]
    key: tuple[str, ...]
    base: int
    values: tuple[str, ...]
    fixed: bool = False
    fanout: str = "1"

    def rows(self, scale: float) -> int:
        """How many base rows it has at a scale."""
        return self.base if self.fixed else max(4, round(self.base * scale))


def _text(shortest: int, longest: int, salt: int) -> str:
    """A text of TPC-H's kind of words, `shortest` to `longest` characters."""
    phrase = f"getvariable('phrases')[{_pick(_PHRASES, salt)} + 1]"
    whole = phrase if longest <= 90 else f"{phrase} || ' ' || getvariable('phrases')[{_pick(_PHRASES, salt + 1)} + 1]"
    return f"trim(substr({whole}, 1 + {_pick(20, salt + 2)}::INTEGER, {shortest} + {_pick(longest - shortest + 1, salt + 3)}::INTEGER))"


def _pick(count: int | str, salt: int) -> str:
    """A number from 0 up to `count`, fixed for a row, a place and a salt."""
    return f"CAST(hash(i, j, {salt}) % ({count}) AS BIGINT)"


def _one_of(words: str, salt: int) -> str:
    texts = words.split(",")
    return f"[{', '.join(repr(t) for t in texts)}][{_pick(len(texts), salt)} + 1]"


def _money(lowest: int, highest: int, salt: int) -> str:
    """An amount between two numbers of cents, exactly."""
    return _cents(f"({lowest} + {_pick(highest - lowest, salt)})")


def _cents(whole: str) -> str:
    return f"CAST(CAST({whole} AS DECIMAL(15,0)) * 0.01 AS DECIMAL(15,2))"


def _padded(number: str) -> str:
    return f"lpad(CAST({number} AS VARCHAR), 9, '0')"


def _phone(nation: str) -> str:
    return f"printf('%d-%03d-%03d-%04d', 10 + {nation}, 100 + {_pick(900, 71)}, 100 + {_pick(900, 72)}, 1000 + {_pick(9000, 73)})"


def _price(part: str) -> str:
    """A part's price in cents, as TPC-H computes it."""
    return f"(90000 + {part} // 10 % 20001 + 100 * ({part} % 1000))"


_DATE = "DATE '1992-01-01' + CAST({} AS INTEGER)"
_ORDER = "((i - 1) // 8 * 32 + (i - 1) % 8 + 1)"  # TPC-H leaves gaps between its order keys
_ORDERED = "CAST(hash(i, 0, 101) % 2406 AS INTEGER)"
_PART = f"({_pick('parts', 11)} + 1)"
_SHIPPED = f"({_ORDERED} + 1 + {_pick(121, 12)})"

TABLES = (
    Table(
        "region",
        {"r_regionkey": "INTEGER", "r_name": "CHAR(25)", "r_comment": "VARCHAR(152)"},
        ("r_regionkey",),
        5,
        ("i - 1", "['AFRICA', 'AMERICA', 'ASIA', 'EUROPE', 'MIDDLE EAST'][i]", _text(31, 115, 1)),
        fixed=True,
    ),
    Table(
        "nation",
        {"n_nationkey": "INTEGER", "n_name": "CHAR(25)", "n_regionkey": "INTEGER", "n_comment": "VARCHAR(152)"},
        ("n_nationkey",),
        25,
        ("i - 1", "'NATION ' || i", "(i - 1) % 5", _text(31, 114, 1)),
        fixed=True,
    ),
    Table(
        "supplier",
        {
            "s_suppkey": "INTEGER",
            "s_name": "CHAR(25)",
            "s_address": "VARCHAR(40)",
            "s_nationkey": "INTEGER",
            "s_phone": "CHAR(15)",
            "s_acctbal": "DECIMAL(15,2)",
            "s_comment": "VARCHAR(101)",
        },
        ("s_suppkey",),
        10_000,
        (
            "i",
            f"'Supplier#' || {_padded('i')}",
            _text(10, 40, 1),
            _pick(25, 5),
            _phone(_pick(25, 5)),
            _money(-99999, 999999, 6),
            _text(25, 100, 7),
        ),
    ),
    Table(
        "customer",
        {
            "c_custkey": "INTEGER",
            "c_name": "VARCHAR(25)",
            "c_address": "VARCHAR(40)",
            "c_nationkey": "INTEGER",
            "c_phone": "CHAR(15)",
            "c_acctbal": "DECIMAL(15,2)",
            "c_mktsegment": "CHAR(10)",
            "c_comment": "VARCHAR(117)",
        },
        ("c_custkey",),
        150_000,
        (
            "i",
            f"'Customer#' || {_padded('i')}",
            _text(10, 40, 1),
            _pick(25, 5),
            _phone(_pick(25, 5)),
            _money(-99999, 999999, 6),
            _one_of("AUTOMOBILE,BUILDING,FURNITURE,HOUSEHOLD,MACHINERY", 7),
            _text(29, 116, 8),
        ),
    ),
    Table(
        "part",
        {
            "p_partkey": "INTEGER",
            "p_name": "VARCHAR(55)",
            "p_mfgr": "CHAR(25)",
            "p_brand": "CHAR(10)",
            "p_type": "VARCHAR(25)",
            "p_size": "INTEGER",
            "p_container": "CHAR(10)",
            "p_retailprice": "DECIMAL(15,2)",
            "p_comment": "VARCHAR(23)",
        },
        ("p_partkey",),
        200_000,
        (
            "i",
            _text(20, 50, 1),
            f"'Manufacturer#' || ({_pick(5, 5)} + 1)",
            f"'Brand#' || ({_pick(5, 5)} + 1) || ({_pick(5, 6)} + 1)",
            f"{_one_of('STANDARD,SMALL,MEDIUM,LARGE,ECONOMY,PROMO', 7)} || ' ' || {_one_of('TIN,NICKEL,BRASS,STEEL,COPPER', 8)}",
            f"{_pick(50, 9)} + 1",
            f"{_one_of('SM,MED,LG,JUMBO,WRAP', 10)} || ' ' || {_one_of('CASE,BOX,BAG,JAR,PKG,PACK,CAN,DRUM', 11)}",
            _cents(_price("i")),
            _text(5, 22, 12),
        ),
    ),
    Table(
        "partsupp",
        {
            "ps_partkey": "INTEGER",
            "ps_suppkey": "INTEGER",
            "ps_availqty": "INTEGER",
            "ps_supplycost": "DECIMAL(15,2)",
            "ps_comment": "VARCHAR(199)",
        },
        ("ps_partkey", "ps_suppkey"),
        200_000,
        ("i", "(i + j * (suppliers // 4)) % suppliers + 1", f"{_pick(9999, 1)} + 1", _money(100, 100_000, 2), _text(49, 150, 3)),
        fanout="4",
    ),
    Table(
        "orders",
        {
            "o_orderkey": "BIGINT",
            "o_custkey": "INTEGER",
            "o_orderstatus": "CHAR(1)",
            "o_totalprice": "DECIMAL(15,2)",
            "o_orderdate": "DATE",
            "o_orderpriority": "CHAR(15)",
            "o_clerk": "CHAR(15)",
            "o_shippriority": "INTEGER",
            "o_comment": "VARCHAR(79)",
        },
        ("o_orderkey",),
        1_500_000,
        (
            _ORDER,
            f"{_pick('customers', 1)} + 1",
            _one_of("F,O,F,O,P", 2),
            _money(85_000, 50_000_000, 3),
            _DATE.format(_ORDERED),
            _one_of("1-URGENT,2-HIGH,3-MEDIUM,4-NOT SPECIFIED,5-LOW", 4),
            f"'Clerk#' || {_padded(f'{_pick(1000, 9)} + 1')}",
            "0",
            _text(19, 78, 5),
        ),
    ),
    Table(
        "lineitem",
        {
            "l_orderkey": "BIGINT",
            "l_partkey": "INTEGER",
            "l_suppkey": "INTEGER",
            "l_linenumber": "INTEGER",
            "l_quantity": "DECIMAL(15,2)",
            "l_extendedprice": "DECIMAL(15,2)",
            "l_discount": "DECIMAL(15,2)",
            "l_tax": "DECIMAL(15,2)",
            "l_returnflag": "CHAR(1)",
            "l_linestatus": "CHAR(1)",
            "l_shipdate": "DATE",
            "l_commitdate": "DATE",
            "l_receiptdate": "DATE",
            "l_shipinstruct": "CHAR(25)",
            "l_shipmode": "CHAR(10)",
            "l_comment": "VARCHAR(44)",
        },
        ("l_orderkey", "l_linenumber"),
        1_500_000,
        (
            _ORDER,
            _PART,
            f"({_PART} + {_pick(4, 13)} * (suppliers // 4)) % suppliers + 1",
            "j + 1",
            f"CAST({_pick(50, 14)} + 1 AS DECIMAL(15,2))",
            _cents(f"({_pick(50, 14)} + 1) * {_price(_PART)}"),
            _money(0, 11, 15),
            _money(0, 9, 16),
            f"CASE WHEN {_SHIPPED} + 15 < 1263 THEN {_one_of('R,A', 17)} ELSE 'N' END",
            f"CASE WHEN {_SHIPPED} < 1263 THEN 'F' ELSE 'O' END",
            _DATE.format(_SHIPPED),
            _DATE.format(f"({_ORDERED} + 30 + {_pick(61, 18)})"),
            _DATE.format(f"({_SHIPPED} + 1 + {_pick(30, 19)})"),
            _one_of("DELIVER IN PERSON,COLLECT COD,NONE,TAKE BACK RETURN", 20),
            _one_of("REG AIR,AIR,RAIL,SHIP,TRUCK,MAIL,FOB", 21),
            _text(10, 43, 22),
        ),
        fanout="1 + CAST(hash(i, 0, 102) % 7 AS BIGINT)",
    ),
)


def named(names: Sequence[str]) -> tuple[Table, ...]:
    """The tables of these names, `all` for all. Raises ValueError for a name that is none."""
    known = {t.name: t for t in TABLES}
    if list(names) == ["all"]:
        return TABLES
    if unknown := [n for n in names if n not in known]:
        raise ValueError(f"no table {', '.join(unknown)}: there are {', '.join(known)}")
    return tuple(known[n] for n in names)


def small(count: int) -> tuple[Table, ...]:
    """So many tables of 100 rows: TPC-H's of one row a base row, in turns."""
    shapes = named(["supplier", "customer", "part", "orders"])
    return tuple(replace(s, name=f"{s.name}_{n:04}", base=100, fixed=True) for n in range(count) for s in [shapes[n % len(shapes)]])


def ddl(table: Table, key: bool) -> str:
    """CREATE TABLE, in words that all the databases know alike; `key`: with the primary key in it."""
    columns = [f"{name} {type} NOT NULL" for name, type in table.columns.items()]
    return f"CREATE TABLE {table.name} ({', '.join(columns + ([_key(table)] if key else []))})"


def add_key(table: Table) -> str:
    """The statement that gives a loaded table its primary key."""
    return f"ALTER TABLE {table.name} ADD {_key(table)}"


def _key(table: Table) -> str:
    return f"PRIMARY KEY ({', '.join(table.key)})"


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    """Put the words into a DuckDB session, so that `select` can be run in it."""
    lists = {kind: words.split() for kind, words in _WORDS.items()}
    parts = [f"$words_{k}[CAST(hash(i, {n}, {s}) % {len(w)} AS BIGINT) + 1]" for n in range(3) for s, (k, w) in enumerate(lists.items())]
    values = {f"words_{k}": [w.replace("_", " ") for w in words] for k, words in lists.items()}
    made = connection.execute(f"SELECT concat_ws(' ', {', '.join(parts)}) FROM range({_PHRASES}) r(i) ORDER BY i", values)
    phrases = [row[0] for row in made.fetchall()]
    connection.execute(f"SET VARIABLE phrases = [{', '.join(repr(p) for p in phrases)}]")


def select(table: Table, scale: float, first: int = 1, last: int | None = None) -> str:
    """The SQL that makes the rows of base rows `first` to `last`, in the order of the key as far as TPC-H has one."""
    last = table.rows(scale) if last is None else last
    sizes = {"parts": "part", "suppliers": "supplier", "customers": "customer"}
    counts = ", ".join(f"{next(t for t in TABLES if t.name == n).rows(scale)} AS {word}" for word, n in sizes.items())
    fields = ", ".join(f"CAST({v} AS {t}) AS {c}" for v, (c, t) in zip(table.values, table.columns.items(), strict=True))
    rows = f"SELECT i, unnest(range({table.fanout})) AS j, {counts} FROM range({first}, {last + 1}) r(i)"
    return f"SELECT {fields} FROM ({rows})"
