"""Whole tables of two databases, read by the plain drivers and compared value by value. Nothing here is Penstock's."""

from __future__ import annotations

import json
import re
import struct
from collections import Counter
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from tests.support.data.plain_values import Plain, array_text, norm

_TYPES = {
    "postgresql": "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
    " WHERE attrelid = {0}::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
    "mysql": "SELECT column_name, column_type FROM information_schema.columns"
    " WHERE table_schema = DATABASE() AND table_name = {1} ORDER BY ordinal_position",
    "sqlite": "SELECT name, type FROM pragma_table_xinfo({1}) ORDER BY cid",
    "duckdb": "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = {1} ORDER BY column_index",
}
_KINDS = (
    ("array", r"\[\]$"),
    ("json", r"json"),
    ("bytes", r"bytea|blob|binary"),
    ("geometry", r"point|geometry"),
    ("bits", r"^bit(?! varying)(?!\(1\))"),
    ("bool", r"bool|^tinyint\(1\)|^bit\(1\)"),
    ("single", r"^real$|^float$"),
    ("double", r"double|real|float"),
    ("number", r"int(?!erval|e?\dr)|numeric|decimal|serial|year|money"),
    ("moment", r"time|date(?!r)"),
    ("interval", r"interval"),
)
"""The kind of a type, as the engines write it, by the first pattern that it has; else a text."""


def compare(there: Plain, here: Plain, table: str) -> int:
    """Assert that a table has the same rows at both ends, whatever their order; how many these are."""
    source, target = dict(types(there, table)), dict(types(here, table))
    assert list(source) == list(target), f"the columns of {table}"
    kinds = [_Kinds(_kind(there.name, source[c]), _kind(here.name, target[c])) for c in source]
    expected, found = _rows(there, table, source, kinds), _rows(here, table, target, kinds)
    missing, more = Counter(expected) - Counter(found), Counter(found) - Counter(expected)
    assert not missing and not more, f"{table}: {_first(missing)} became {_first(more)}"
    return len(found)


def types(end: Plain, table: str) -> list[tuple[str, str]]:
    """The columns of a table and their types, as the catalogue has them."""
    query = _TYPES[end.name].format(end.text(end.quote(table)), end.text(table))
    return [(_text(name), _text(type).lower()) for name, type in end.run(query)]


class _Kinds(tuple[str, str]):
    """The kinds of a column at both ends."""

    def __new__(cls, source: str, target: str) -> _Kinds:
        return super().__new__(cls, (source, target))

    @property
    def canonical(self) -> Callable[[Any], Any]:
        """Makes a value of either end one by which both can be compared."""
        return next((_CANONICAL[k] for k in _CANONICAL if k in self), _plain)


def _kind(engine: str, type: str) -> str:
    if engine == "sqlite" and "real" in type:
        return "double"
    return next((kind for kind, pattern in _KINDS if re.search(pattern, type)), "text")


def _rows(end: Plain, table: str, types: dict[str, str], kinds: Sequence[_Kinds]) -> list[tuple[Any, ...]]:
    fields = ", ".join(_field(end, end.quote(name), type) for name, type in types.items())
    found = end.run(f"SELECT {fields} FROM {end.quote(table)}")
    return [tuple(None if v is None else kind.canonical(v) for v, kind in zip(row, kinds, strict=True)) for row in found]


def _field(end: Plain, place: str, type: str) -> str:
    """A column in a form that its driver can't change."""
    kind = _kind(end.name, type)
    match end.name:
        case "postgresql":
            return (
                place
                if kind == "bytes"
                else f"{place}::numeric::text"
                if type == "money"
                else f"CASE WHEN {place} IS NOT NULL THEN format('%s', {place}) END"
            )
        case "mysql" if type.startswith("bit("):
            return f"{place} + 0"
        case "mysql" if kind in ("single", "double"):
            return f"{place} * 1e0"
        case "mysql" if kind not in ("bytes", "geometry"):
            return f"CAST({place} AS CHAR)"
        case "duckdb" if kind not in ("bytes", "array", "single", "double"):
            return f"CAST({place} AS VARCHAR)"
    return place


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _plain(value: Any) -> Any:
    return _text(value) if isinstance(value, bytes) else value


def _of_bytes(value: Any) -> bytes:
    return value.encode() if isinstance(value, str) else bytes(value)


def _of_json(value: Any) -> Any:
    try:
        return _hashable(json.loads(_text(value), parse_int=Decimal, parse_float=Decimal, object_pairs_hook=dict))
    except ValueError:
        return _text(value)


def _hashable(value: Any) -> Any:
    if isinstance(value, dict):
        return ("object", frozenset((k, _hashable(v)) for k, v in value.items()))
    return ("array", *map(_hashable, value)) if isinstance(value, list) else value


def _of_array(value: Any) -> str | None:
    return array_text(value, False) if isinstance(value, list) else _text(value)


def _of_number(value: Any) -> Any:
    text = _text(value)
    return Decimal(text) if re.fullmatch(r"[+-]?[\d.]+(e[+-]?\d+)?", text, re.IGNORECASE) else text


def _of_bool(value: Any) -> Any:
    return _of_number(norm("bool", _text(value)))


def _of_interval(value: Any) -> tuple[int, int, int]:
    """Months, days and microseconds."""
    text = _text(value)
    parts = {unit: int(number) for number, unit in re.findall(r"([+-]?\d+) (year|mon|day)", text)}
    if counted := re.search(r"(-?\d+) microseconds", text):  # what a database without intervals holds
        return parts.get("mon", 0), parts.get("day", 0), int(counted[1])
    clock = re.search(r"(-?)(\d+):(\d\d):(\d\d)(?:\.(\d+))?", text)
    micros = 0
    if clock:
        sign, hours, minutes, seconds, fraction = clock.groups()
        micros = (int(hours) * 3600 + int(minutes) * 60 + int(seconds)) * 1_000_000 + int((fraction or "").ljust(6, "0"))
        micros = -micros if sign else micros
    return parts.get("year", 0) * 12 + parts.get("mon", 0), parts.get("day", 0), micros


def _float(form: str) -> Callable[[Any], Any]:
    def packed(value: Any) -> Any:
        number = float(_text(value))
        return "NaN" if number != number else struct.pack(form, number)

    return packed


_CANONICAL: dict[str, Callable[[Any], Any]] = {
    "json": _of_json,
    "array": _of_array,
    "bytes": _of_bytes,
    "geometry": lambda value: bytes(value)[-21:],  # behind a number of its reference system
    "bool": _of_bool,
    "bits": lambda value: value if isinstance(value, int) else int(_text(value), 2),
    "single": _float("<f"),
    "double": _float("<d"),
    "number": _of_number,
    "interval": _of_interval,
    "moment": lambda value: norm("moment", _text(value)),
}


def _first(rows: Counter[tuple[Any, ...]]) -> str:
    return str(next(iter(sorted(rows, key=repr)), "nothing"))
