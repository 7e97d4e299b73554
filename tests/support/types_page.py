"""docs/reference/types.md, from the databases' tables of types and the values of the matrix test: `python -m tests.support.types_page`."""

from __future__ import annotations

import struct

import sqlalchemy as sa

from penstock import databases
from penstock.errors import UnsupportedType
from penstock.model.schema import Type
from tests.support.data.type_cases import CASES, DATABASES, Case
from tests.support.repository import REPO

PAGE = REPO / "docs" / "reference" / "types.md"

# Types that the tests made, as the engine reads them from the catalogue.
_MADE = {"mood": "enum('so, so','it''s')", "mood[]": "enum('so, so','it''s')[]", "timestamp(6) NULL": "timestamp(6)"}
_SHOWN = {"mood": "an enum", "mood[]": "array of an enum", "pair": "a composite", "": "(none)"}
_FORMS = (
    ("int128, uint128", "decimal of 39 digits", ""),
    ("number", "digits, a point where more follow, no exponent; `NaN`, `Infinity`, `-Infinity`", "`1.50`"),
    ("money", "decimal(19,2), without its currency, which the column does not have either", "`12.00`"),
    ("interval", "months, days and microseconds, each counted separately", "`14 months 3 days -5006000007 microseconds`"),
    ("timetz", "a time and its offset", "`12:30:00.5+05:30`"),
    ("bits(n), varbits(n)", "0s and 1s", "`00101`"),
    ("inet, cidr, macaddr", "as PostgreSQL writes them", "`10.0.0.1/8`, `::1`, `08:00:2b:01:02:03`"),
    ("json", "its text, unchanged, with its blanks and digits", '`{"a": 1.0}`'),
    ("jsonb", "its text as PostgreSQL writes it: numbers keep their digits", '`{"a": 1.0}`'),
    ("range(type)", "as PostgreSQL writes it", "`[1,10)`, `empty`"),
    ("array(type)", "as PostgreSQL writes it, with any dimensions and bounds", '`{1,NULL}`, `{"a b",""}`, `[0:1]={1,2}`'),
    ("native('postgresql','point')", "the database's own text, only for a target of the same kind", "`(1,2)`"),
    ("vector(n)", "bytes: four per number, little-endian", ""),
    ("geometry", "MySQL's bytes: SRID and WKB", ""),
)
_INTRO = """# Types

Every built-in type of PostgreSQL, MySQL/MariaDB, SQLite and DuckDB has one *canonical* type, and from there a counterpart at each target.

This page is generated (`python -m tests.support.types_page`) from the tables in `penstock/databases/*/types.py` and from the values of
`tests/conformance/test_type_matrix.py`. That test moves the values through every pair of databases and reads both sides with the plain drivers.

- **exact**: the same kind of type, the same values. Only the type is shown.
- **declared** (*d*): another type holds every value: its text in a stated form, its bytes, or a wider number. `penstock check` reports it.
- **refused**: a blocking problem of `penstock check`, which lists the choices: a `cast`, mostly to string, or to leave the column out.

Between two servers of one engine, and of one product (MySQL, MariaDB), a column keeps its declared type, if the target's version has it.
The table shows what another engine gets, or an older server: [What is carried with a table](schema.md#mysql-and-mariadb) has the versions.

A value that its canonical type can't hold (a zero date, NaN in a decimal, infinity) is refused by name when it is read, with one exception:
between two servers of one engine preflight looks for such values of dates, times and decimals, for a second at most for each table and ten in all. A column
that has them is staged as the database's own text, and arrives unchanged. `penstock check` names it. Columns that a step reads stay as they are.
Otherwise, if `cast: {column: string}` is the first step that touches the column, the database's own text is read instead, and carried.

A value that the target can't hold is refused by name at the load. -0.0 stays -0.0 where the target keeps it: MariaDB and SQLite store 0.0.

A `timestamp` is a wall-clock time, a `timestamptz` is an instant. Neither is ever converted to the other.

## Canonical forms

Whole numbers, floats, decimals, texts, binaries, dates and times have Arrow's types. The others:

| type | form | for example |
| --- | --- | --- |
"""


def canonical(case: Case) -> Type:
    return databases.of(sa.URL.create(case.database)).canonical(_MADE.get(case.type, case.type))


def counterpart(case: Case, target: str) -> tuple[str, bool] | None:
    """What the target writes for a case's type, and whether that is exact; None when it has no counterpart."""
    to = databases.of(sa.URL.create(target))
    try:
        return to.native(canonical(case)), to.maps_exactly(canonical(case))
    except UnsupportedType:
        return None


def held_as(value: object, target: str) -> object:
    """SQLite and MariaDB store -0.0 as 0.0; the others keep it."""
    return bytes(len(value)) if target in ("mysql", "sqlite") and value in (struct.pack("<d", -0.0), struct.pack("<f", -0.0)) else value


def page() -> str:
    labels = {name: databases.of(sa.URL.create(name)).label for name in DATABASES}
    parts = [_INTRO + "".join(f"| {name} | {form} | {example} |\n" for name, form, example in _FORMS)]
    for source, cases in CASES.items():
        lines = [
            f"\n## From {labels[source]}\n",
            f"| type | canonical | {' | '.join(labels.values())} |",
            f"| --- | --- |{' --- |' * len(labels)}",
        ]
        for case in cases:
            kind = canonical(case)
            name = "" if kind.name == "unsupported" else f"`{kind}`" if kind.name != "native" else "its own text"
            lines.append(f"| {_code(_SHOWN.get(case.type, case.type))} | {name} | {' | '.join(_cell(case, t) for t in DATABASES)} |")
        lines += [
            "",
            "These values are refused by name. All other values of the test arrive:",
            "",
            "| type | value | refused |",
            "| --- | --- | --- |",
        ]
        for case in cases:
            for value in (v for v in case.values if v.refused):
                places = (
                    "when it is read" if "read" in value.refused else f"at {', '.join(labels[t] for t in DATABASES if t in value.refused)}"
                )
                lines.append(f"| {_code(case.type)} | {_code(value.literal)} | {places} |")
        parts.append("\n".join(lines) + "\n")
    return "".join(parts)


def _cell(case: Case, target: str) -> str:
    found = counterpart(case, target)
    if found is None:
        return "refused"
    written = found[0].split(" CHARACTER SET")[0]
    return _code(written) + ("" if found[1] else " *d*")


def _code(text: str) -> str:
    return text if text.startswith(("a ", "an ", "array of", "(none)")) else "`" + text.replace("|", "\\|").replace("\n", " ") + "`"


if __name__ == "__main__":
    PAGE.write_text(page())
