"""The forms in which programs write a value that a column of another type should hold: what `cast: {column: {to: …, from: …}}` reads.

A form reads texts, or numbers by their digits. A moment is given in UTC where the form names an offset. Digits behind a microsecond are cut
off by the forms that say so, and by no other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.runtime.nearest import nearest

if TYPE_CHECKING:
    import pyarrow as pa

    from penstock.model.schema import Type

DAY = r"\d{4}-\d\d-\d\d"
CLOCK = r"\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?"
NUMBER = r"[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?"
FINE = r"(:\d\d\.\d{6})\d{1,3}"
"""A second with more than six digits behind it, of which the group has six."""
MOMENTS = frozenset({"date", "timestamp", "timestamptz"})
_NUMBERS = frozenset({"int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "year", "decimal", "float32", "float64"})
_ANY = MOMENTS | _NUMBERS | {"boolean", "string", "json", "uuid", "time"}
_GO = rf"({DAY} \d\d:\d\d:\d\d(?:\.\d{{1,9}})?) ([+-]\d\d\d\d) (?:[A-Za-z]+|[+-]\d\d(?:\d\d)?)(?: m=[+-][\d.]+)?"
_OFFSET = rf"{DAY}[T ]{CLOCK} ?(?:[Zz]|UTC|GMT|[+-]\d\d(?::?\d\d)?)"
_TIME = rf"(?:[T ]({CLOCK}))?"
_DAY_LAST = rf"(\d{{4}})[/.](\d{{1,2}})[/.](\d{{1,2}}){_TIME}"
_YEAR_LAST = rf"(\d{{1,2}})[/.-](\d{{1,2}})[/.-](\d{{4}}){_TIME}"


@dataclass(frozen=True)
class Form:
    """targets: the types that it can be read as.

    pattern: a regular expression of the whole text, as Python and DuckDB understand it; empty where a plain cast reads such a text.
    value: DuckDB's SQL that makes a TIMESTAMP of the text `v`, in UTC where the text has an offset; empty for what stands for no value.
    """

    name: str
    means: str
    targets: frozenset[str]
    pattern: str = ""
    value: str = ""


def _extract(pattern: str, group: int) -> str:
    return f"regexp_extract(v, '{pattern}', {group})"


def _scaled(factor: int) -> str:
    """A number of units of so many microseconds since 1970."""
    exact = f"CAST(round(CAST(v AS DECIMAL(28,9)) * {factor}) AS BIGINT)"
    return f"make_timestamp(CASE WHEN v ILIKE '%e%' THEN CAST(round(CAST(v AS DOUBLE) * {factor}) AS BIGINT) ELSE {exact} END)"


def _by_size() -> str:
    sizes = (("1e11", 1_000_000), ("1e14", 1_000), ("1e17", 1))
    return f"CASE {' '.join(f'WHEN abs(CAST(v AS DOUBLE)) < {most} THEN {_scaled(factor)}' for most, factor in sizes)} END"


def _ordered(pattern: str, year: int, month: int, day: int) -> str:
    """A date whose parts are the groups of these numbers, and the time behind it, which is the fourth."""
    month_and_day = " || '-' || ".join(f"lpad({_extract(pattern, n)}, 2, '0')" for n in (month, day))
    time = f"CASE WHEN v LIKE '%:%' THEN {_extract(pattern, 4)} ELSE '00:00' END"
    return f"CAST({_extract(pattern, year)} || '-' || {month_and_day} || ' ' || {time} AS TIMESTAMP)"


def _in_utc(local: str, offset: str) -> str:
    """The time in UTC of a local time, both texts. offset: a sign, hours, and maybe minutes; empty for none."""
    hours, minutes = (f"CAST('0' || regexp_extract({offset}, '[+-](\\d\\d):?(\\d\\d)?', {n}) AS INTEGER)" for n in (1, 2))
    sign = f"CASE WHEN {offset} LIKE '-%' THEN 1 ELSE -1 END"
    return f"CAST({local} AS TIMESTAMP) + to_minutes({sign} * ({hours} * 60 + {minutes}))"


_PLAIN = "CAST(replace(v, 'T', ' ') AS TIMESTAMP)"
_ZONED = _in_utc(f"replace({_extract(f'({DAY}[T ]{CLOCK})', 1)}, 'T', ' ')", _extract(r":\d\d(?:\.\d+)? ?([+-]\d\d:?(?:\d\d)?)$", 1))
_FROM_GO = _in_utc(f"regexp_replace({_extract(_GO, 1)}, '{FINE}', '\\1')", _extract(_GO, 2))
_JULIAN = "make_timestamp(1000 * CAST(round((CAST(v AS DOUBLE) - 2440587.5) * 86400000) AS BIGINT))"
_WORDS = ("t|true|y|yes|on|1", "f|false|n|no|off|0")

_ALL = (
    Form("text", "as a plain cast reads texts", _ANY),
    Form("empty", "an empty text, or one of spaces, is NULL", _ANY, r"\s*"),
    Form("null_text", r"the text `NULL` in any case, or `\N`, is NULL", _ANY, r"(?i:null)|\\N"),
    Form("zero", "a date of zeros is NULL", MOMENTS, r"0000-00-00(?:[T ]00:00(?::00(?:\.0+)?)?)?"),
    Form("infinity", "`infinity` and `-infinity` are NULL", MOMENTS, r"(?i:-?infinity)"),
    Form("words", "t or f, true or false, yes or no, y or n, on or off, in any case", frozenset({"boolean"}), f"(?i:{'|'.join(_WORDS)})"),
    Form("unix_s", "seconds since 1970", MOMENTS, NUMBER, _scaled(1_000_000)),
    Form("unix_ms", "milliseconds since 1970", MOMENTS, NUMBER, _scaled(1_000)),
    Form("unix_us", "microseconds since 1970", MOMENTS, NUMBER, _scaled(1)),
    Form("unix_ns", "nanoseconds since 1970, cut to microseconds", MOMENTS, r"[+-]?\d+", "make_timestamp(CAST(v AS BIGINT) // 1000)"),
    Form("unix", "seconds, milliseconds or microseconds since 1970, by the size of the number", MOMENTS, NUMBER, _by_size()),
    Form("julian", "a Julian day number, to the millisecond", MOMENTS, NUMBER, _JULIAN),
    Form("offset", "an offset or `Z` behind the time: the time in UTC", MOMENTS, _OFFSET, _ZONED),
    Form("utc", "a time without an offset is in UTC", frozenset({"timestamptz"}), f"{DAY}(?:[T ]{CLOCK})?", _PLAIN),
    Form("go", "as Go's `time.String` writes it: the time in UTC, cut to microseconds", MOMENTS, _GO, _FROM_GO),
    Form("nanoseconds", "more than six digits behind a second: the others are cut off", MOMENTS),
    Form("ymd", "2020/12/31, with or without a time", MOMENTS, _DAY_LAST, _ordered(_DAY_LAST, 1, 2, 3)),
    Form("dmy", "31/12/2020 or 31.12.2020, with or without a time", MOMENTS, _YEAR_LAST, _ordered(_YEAR_LAST, 3, 2, 1)),
    Form("mdy", "12/31/2020, with or without a time", MOMENTS, _YEAR_LAST, _ordered(_YEAR_LAST, 3, 1, 2)),
)
FORMS = {form.name: form for form in _ALL}
NOTHING = frozenset({"empty", "null_text", "zero", "infinity"})
"""The forms that stand for no value."""
# A number or a date is read in one of these ways only.
_ONE_OF = (("unix_s", "unix_ms", "unix_us", "unix_ns", "unix", "julian"), ("dmy", "mdy"))


def fault(names: Sequence[str]) -> str | None:
    """What is wrong with these names of forms, in words."""
    for name in names:
        if "%" not in name and name not in FORMS:
            return f"there is no form {name!r}: {nearest(name, tuple(FORMS))}"
    for several in _ONE_OF:
        if len(both := [n for n in names if n in several]) > 1:
            return f"a value can't be read as {both[0]} and as {both[1]}: name one of them"
    return None


def fits(name: str, wanted: Type) -> bool:
    """Whether values of the type can be written in the form."""
    return wanted.name in (MOMENTS if "%" in name else FORMS[name].targets)


def read(values: pa.ChunkedArray, wanted: Type, names: Sequence[str]) -> tuple[pa.ChunkedArray, list[int]]:
    """`values`, texts, as values of `wanted`; and the places of those that are in none of the forms, and are NULL there.

    A form is tried in the order of `FORMS`, last the one of a plain cast; a format of strptime before them all.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    from penstock.transforms import _expression

    text = f"regexp_replace(v, '{FINE}', '\\1')" if "nanoseconds" in names else "v"
    nothing = "|".join(f"(?:{FORMS[n].pattern})" for n in FORMS if n in names and n in NOTHING)
    none = f"regexp_full_match(v, '{nothing}')" if nothing else "false"
    value = _moment(wanted, names) if wanted.name in MOMENTS else _word(names) if wanted.name == "boolean" else "v"
    fields = f"CASE WHEN {none} THEN NULL ELSE {value} END AS found, v IS NOT NULL AND NOT {none} AS given"
    columns = _expression.selected(_expression.selected(pa.table({"v": values}), f"{text} AS v"), fields)
    made, given = columns.column("found"), columns.column("given")
    if wanted.name not in MOMENTS | {"boolean"}:
        return _plain(made, wanted)
    odd = pc.and_(given, pc.is_null(made))
    if wanted.name == "date":
        days = made.cast(pa.date32(), safe=False)
        odd = pc.or_(odd, pc.fill_null(pc.not_equal(days.cast(pa.timestamp("us")), made), False))
        made = days
    return made.cast(wanted.arrow), pc.indices_nonzero(odd).to_pylist()


def _moment(wanted: Type, names: Sequence[str]) -> str:
    formats = [f"try_strptime(v, {_quoted(n)})" for n in names if "%" in n]
    arms = [(f.pattern, f.value) for f in FORMS.values() if f.value and f.name in names]
    arms.append((_OFFSET, _ZONED) if wanted.name == "timestamptz" else (f"{DAY}(?:[T ]{CLOCK})?", _PLAIN))
    cases = " ".join(f"WHEN regexp_full_match(v, '{pattern}') THEN TRY({value})" for pattern, value in arms)
    return f"coalesce({', '.join([*formats, f'CASE {cases} END'])})"


def _word(names: Sequence[str]) -> str:
    true, false = _WORDS if "words" in names else ("1|true", "0|false")
    return f"CASE WHEN regexp_full_match(v, '(?i:{true})') THEN true WHEN regexp_full_match(v, '(?i:{false})') THEN false END"


def _plain(texts: pa.ChunkedArray, wanted: Type) -> tuple[pa.ChunkedArray, list[int]]:
    from penstock.transforms import cast

    try:
        return cast.convert(texts, wanted), []
    except ValueError:
        return texts, cast.culprits(texts, wanted)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
