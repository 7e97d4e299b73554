r"""DuckDB's lists as the canonical text of an array, and back: PostgreSQL's, {1,NULL,"a b"}, in SQL expressions.

An element is in quotes, its quotes and backslashes behind a backslash, where it is empty, the word NULL, or has one of {}",\ or a space.
Manual: https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO
"""

from __future__ import annotations

from penstock.model.schema import Type

_QUOTED = r"""'[{}",\\ \t\n\v\f\r]'"""
_ELEMENTS = r"""'(?s)"(?:[^"\\]|\\.)*"|[^,{}"]+'"""
# From which power of ten on PostgreSQL writes an exponent; DuckDB does from 16 on.
_PLAIN = {"float32": 6, "float64": 15}

# The double whose shortest text is that of the single `f`, which DuckDB writes with more digits than it takes.
_TRIES = (f"CAST(format('{{:.{digits}e}}', CAST(f AS DOUBLE)) AS DOUBLE)" for digits in range(9))
_SHORT = (
    "CASE WHEN isfinite(f) THEN coalesce("
    + ", ".join(f"CASE WHEN TRY_CAST({t} AS FLOAT) = f THEN {t} END" for t in _TRIES)
    + ", f) ELSE f END"
)


def to_text(list: str, element: Type) -> str:
    """The expression for the text of the expression `list`."""
    values = f"list_transform({list}, lambda f: {_SHORT})" if element.name == "float32" else list
    words = f"list_transform({values}, lambda x: {_word(element)})"
    spelled = (
        f"CASE WHEN w IS NULL THEN 'NULL' WHEN w = '' OR upper(w) = 'NULL' OR regexp_matches(w, {_QUOTED})"
        r""" THEN '"' || replace(replace(w, '\', '\\'), '"', '\"') || '"' ELSE w END"""
    )
    text = f"array_to_string(list_transform({words}, lambda w: {spelled}), ',')"
    return f"CASE WHEN {list} IS NOT NULL THEN '{{' || coalesce({text}, '') || '}}' END"


def from_text(text: str, element: Type, native: str) -> str:
    """The expression for the list, of `native`s, that is written in the expression `text`; an error where it has more dimensions."""
    bare = (
        "CASE WHEN w = 'NULL' THEN NULL WHEN starts_with(w, '\"')"
        r" THEN regexp_replace(substr(w, 2, length(w) - 2), '(?s)\\(.)', '\1', 'g') ELSE w END"
    )
    words = f"list_transform(regexp_extract_all({text}, {_ELEMENTS}), lambda w: {bare})"
    if element.name == "binary":
        words = f"list_transform({words}, lambda w: unhex(substr(w, 3)))"
    if element.name in _PLAIN:
        words = f"list_transform({words}, lambda w: CASE w WHEN '-0' THEN '-0.0' ELSE w END)"
    refused = f"error(left({text}, 0) || 'an array of several dimensions, or whose bounds do not begin at 1')"
    flat = f"starts_with({text}, '{{') AND NOT starts_with({text}, '{{{{')"
    return f"CASE WHEN {text} IS NULL THEN NULL WHEN {flat} THEN CAST({words} AS {native}[]) ELSE {refused} END"


def _word(element: Type) -> str:
    """The expression for the text of an element `x`, as PostgreSQL writes it."""
    if element.name == "boolean":
        return "CASE WHEN x THEN 't' WHEN NOT x THEN 'f' END"
    if element.name == "binary":
        return r"'\x' || lower(hex(x))"
    if element.name not in _PLAIN:
        return "CAST(x AS VARCHAR)"
    least = _PLAIN[element.name]
    text = r"regexp_replace(CAST(abs(x) AS VARCHAR), '\.0$', '')"
    digits = f"replace({text}, '.', '')"
    power = f"CAST(strpos({text} || '.', '.') - 2 AS VARCHAR)"
    fraction = f"rtrim(substr({digits}, 2), '0')"
    spread = f"left({digits}, 1) || CASE WHEN {fraction} = '' THEN '' ELSE '.' || {fraction} END || 'e+' || lpad({power}, 2, '0')"
    size = f"CASE WHEN abs(x) >= 1e{least} AND abs(x) < 1e16 THEN {spread} ELSE {text} END"
    return (
        "CASE WHEN isnan(x) THEN 'NaN' WHEN isinf(x) THEN CASE WHEN x > 0 THEN 'Infinity' ELSE '-Infinity' END"
        f" ELSE CASE WHEN signbit(x) THEN '-' ELSE '' END || {size} END"
    )
