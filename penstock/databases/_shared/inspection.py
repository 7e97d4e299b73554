"""A schema as SQLAlchemy's inspector sees it, as `Table`s. The native types come from each database's own catalogue."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from penstock.model.schema import DECIMALS, INTEGERS, Column, ForeignKey, Index, Table, TableName, Type

_QUOTED = re.compile(r"'((?:[^']|'')*)'(?:::[\w .\"\[\]()]+)?")
_NUMBER = re.compile(r"\(?(-?\d+(?:\.\d+)?)\)?(?:::[\w .\"]+)?")
_NOW = re.compile(r"\(?(?:current_timestamp|now|localtimestamp|get_current_timestamp)(?:\(\d*\))?\)?(?: on update .*)?", re.IGNORECASE)


def default(text: str | None) -> tuple[str | None, bool]:
    """A column default's SQL text in our words (see `Column.default`), and whether it could be carried."""
    if text is None or text.strip().upper() in ("NULL", "(NULL)") or text.strip().upper().startswith("NULL::"):
        return None, True
    text = text.strip()
    if _NOW.fullmatch(text):
        return "now", True
    if match := _QUOTED.fullmatch(text):
        return "=" + match[1].replace("''", "'"), True
    if match := _NUMBER.fullmatch(text):
        return "=" + match[1], True
    if text.lower() in ("true", "false"):
        return "=" + text.lower(), True
    return None, False


_HEX = re.compile(r"(?:[xX]|unhex\((?:_\w+\\?)?)'((?:[0-9a-fA-F]{2})*)\\?'\)?")
_BITS = re.compile(r"[bB]'([01]*)'")
_DIGITS = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_HEX_NUMBER = re.compile(r"0[xX][0-9a-fA-F]+")
_TODAY = re.compile(r"(?i)(?:current_date(?:\(\))?|curdate\(\)|today\(\)|date\('now'\)|\('now'::text\)::date)")
_CLOCK = re.compile(r"(?i)(?:(?:current_time|localtime|curtime)(?:\(\d*\))?|time\('now'\))")
_MOMENT = re.compile(r"(?i)datetime\('now'\)")


def meant(text: str, type: Type) -> str | None:
    """A default that only its column's type tells the meaning of (see `Column.default`); None for any other."""
    text = text.strip()
    while text.startswith("(") and text.endswith(")") and "(" not in text[1:-1]:
        text = text[1:-1].strip()
    if _TODAY.fullmatch(text):
        return "today" if type.name in ("date", "timestamp") else None
    if _CLOCK.fullmatch(text):
        return "time" if type.name == "time" else None
    if _MOMENT.fullmatch(text):
        return "now" if type.name == "timestamp" else None
    if match := _BITS.fullmatch(text):
        return f"={match[1].zfill(type.length or 0)}" if type.name in ("bits", "varbits") else None
    if match := _HEX.fullmatch(text):
        return f"x{match[1].lower()}" if type.name == "binary" else f"={int(match[1] or '0', 16)}" if type.name in INTEGERS else None
    if _HEX_NUMBER.fullmatch(text) and type.name in INTEGERS:
        return f"={int(text, 16)}"
    return _number(text, type) if _DIGITS.fullmatch(text) else None


def _number(text: str, type: Type) -> str | None:
    """A number written with an exponent, or without digits on one side of the point."""
    if type.name in ("float32", "float64"):
        return f"={float(text)!r}"
    number = Decimal(text)
    if type.name in INTEGERS:
        return f"={int(number)}" if number == int(number) else None
    return f"={number:f}" if type.name in DECIMALS | {"number"} else None


def fitted(value: str | None, type: Type, as_bytes: Callable[[str], bytes | None]) -> str | None:
    """A default that was read without a look at its column's type, as that type means it."""
    if value == "now":
        return {"date": "today", "time": "time"}.get(type.name, value)
    if value is not None and value.startswith("=") and type.name == "binary":
        found = as_bytes(value.removeprefix("="))
        return None if found is None else f"x{found.hex()}"
    return value


def no_bytes(text: str) -> bytes | None:
    """Of a database in which a text is no value of a binary column."""
    return None


def tables(
    connection: sa.Connection,
    schema: str | None,
    canonical: Callable[[str], Type],
    native: Mapping[tuple[str, str], str],
    only: Sequence[str] | None = None,
    identity: frozenset[tuple[str, str]] = frozenset(),
    notes: Mapping[str, Sequence[str]] | None = None,
    foreign_keys: Mapping[str, Sequence[ForeignKey]] | None = None,
    indexes: Mapping[str, Sequence[Index]] | None = None,
    as_bytes: Callable[[str], bytes | None] = no_bytes,
) -> list[Table]:
    """The tables of `schema`, sorted by name.

    native: (table, column) to the type as the database writes it.  identity: columns the database numbers.
    notes: what the caller saw and can't be carried.
    foreign_keys, indexes: by table, where the caller read them from its own catalogue.
    as_bytes: what the text of a binary column's default stands for.
    """
    inspector = sa.inspect(connection)
    found = inspector.get_table_names(schema=schema)
    names = sorted(n for n in found if only is None or n in only)
    if not names:
        return []
    result = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sa.exc.SAWarning)  # types SQLAlchemy does not know; we don't ask it for types
        shapes = _Shapes(inspector, schema, names, foreign_keys, indexes)
        for name in names:
            seen = list((notes or {}).get(name, ()))
            columns = []
            for raw in shapes.columns[name]:
                column = raw["name"]
                numbered = (name, column) in identity
                value, carried = (None, True) if numbered else default(raw.get("default"))
                nullable = bool(raw["nullable"]) and not numbered
                kind, expression = native[name, column], "" if carried else str(raw.get("default"))
                made = canonical(kind)
                value = fitted(value, made, as_bytes) if carried else meant(expression, made)
                expression = "" if value is not None or raw.get("default") is None or numbered else str(raw.get("default"))
                columns.append(Column(column, made, nullable, value, numbered, kind, expression))
            result.append(_table(shapes, name, schema, tuple(columns), seen))
    return result


class _Shapes:
    """What the inspector says of all tables, by table: one question a kind, where the dialect can ask so."""

    def __init__(
        self,
        inspector: sa.Inspector,
        schema: str | None,
        names: Sequence[str],
        foreign_keys: Mapping[str, Sequence[ForeignKey]] | None,
        indexes: Mapping[str, Sequence[Index]] | None,
    ) -> None:
        def asked(ask: Callable[..., Any]) -> dict[str, Any]:
            return {key[1]: answer for key, answer in ask(schema=schema, filter_names=names).items()}

        self.home = (None, schema, inspector.default_schema_name if schema is None else schema)
        self.columns = asked(inspector.get_multi_columns)
        self.primary_keys = asked(inspector.get_multi_pk_constraint)
        self.read, self.read_indexes = foreign_keys, indexes
        self.unique = {} if indexes is not None else asked(inspector.get_multi_unique_constraints)
        self.indexes = {} if indexes is not None else asked(inspector.get_multi_indexes)
        self.foreign_keys = {} if foreign_keys is not None else asked(inspector.get_multi_foreign_keys)


def _table(shapes: _Shapes, name: str, schema: str | None, columns: tuple[Column, ...], notes: list[str]) -> Table:
    primary = tuple((shapes.primary_keys.get(name) or {}).get("constrained_columns") or ())
    indexes = {i.name: i for i in (shapes.read_indexes or {}).get(name, ())}
    for constraint in shapes.unique.get(name) or ():
        indexes[str(constraint["name"])] = Index(str(constraint["name"]), tuple(constraint["column_names"]), unique=True)
    for raw in shapes.indexes.get(name) or ():
        label = str(raw["name"])
        if label in indexes or raw.get("duplicates_constraint"):
            continue
        if _plain(raw):
            indexes[label] = Index(label, tuple(raw["column_names"]), bool(raw["unique"]))
        else:
            notes.append(f"index {label} (partial, by expression, by prefix, full-text, spatial or of another method)")
    foreign = tuple(_foreign_keys(shapes, name) if shapes.read is None else shapes.read.get(name, ()))
    return Table(TableName(name, schema), columns, primary, tuple(indexes.values()), foreign, tuple(notes))


def _plain(index: Mapping[str, Any]) -> bool:
    """Whether it is an ordinary index over whole columns."""
    options = index.get("dialect_options") or {}
    special = any(v for k, v in options.items() if k.endswith(("_where", "_prefix", "_ops", "_nulls_not_distinct")))
    methods = [v for k, v in options.items() if k.endswith("_using")]
    columns = index["column_names"]
    return (
        bool(columns)
        and all(c is not None for c in columns)
        and not special
        and all(str(m).lower() == "btree" for m in methods)
        and index.get("type") in (None, "UNIQUE")
    )


def _foreign_keys(shapes: _Shapes, name: str) -> Iterator[ForeignKey]:
    for fk in shapes.foreign_keys.get(name) or ():
        label = str(fk["name"] or f"fk_{name}_{'_'.join(fk['constrained_columns'])}")
        away = fk.get("referred_schema")
        options = fk.get("options") or {}
        columns, referred = tuple(fk["constrained_columns"]), tuple(fk["referred_columns"])
        actions = (options.get("ondelete") or "", options.get("onupdate") or "")
        yield ForeignKey(label, columns, fk["referred_table"], referred, *actions, None if away in shapes.home else away)
