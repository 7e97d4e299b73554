"""Which forms of `_forms` the values of a column are written in, and the cast that reads them: what a message offers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from penstock.runtime.formatting import yaml
from penstock.transforms import _forms
from penstock.transforms._forms import CLOCK, DAY, FORMS, MOMENTS, NOTHING

if TYPE_CHECKING:
    from penstock.model.schema import Type

_UNITS = (("unix_s", 1e11), ("unix_ms", 1e14), ("unix_us", 1e17), ("unix_ns", 9.2e18))
_SMALL = 1e8
_EITHER_ORDER = "dmy or mdy"
_SMALL_NUMBER = "a small number"
_WHOLE_DIGITS = {"int8": 3, "uint8": 3, "int16": 5, "uint16": 5, "int32": 10, "uint32": 10, "int64": 19, "uint64": 20, "year": 4}
_FILLED = {"date": "'1970-01-01'", "time": "'00:00:00'", "timestamp": "'1970-01-01 00:00:00'", "timestamptz": "'1970-01-01 00:00:00'"}


def advice(column: str, wanted: Type, texts: Sequence[str | None], known: Sequence[str] = (), required: bool = False) -> str:
    """A cast that reads these values, which a plain one does not, as one or more choices to paste; empty where there is none.

    known: the forms that the cast has already.  required: the column is NOT NULL.
    """
    return "; or ".join(step(column, kind, way, required) for kind, way in casts(wanted, texts, known))


def casts(wanted: Type, texts: Sequence[str | None], known: Sequence[str] = ()) -> list[tuple[Type, list[str]]]:
    """The casts that read all of these values, as types and forms: to `wanted`, else to the nearest type that holds them."""
    ways = _recognised(wanted, texts, known)
    for kind in (wanted, *_wider(wanted, texts)):
        found = [way for way in ways if not _forms.fault(way) and all(_forms.fits(n, kind) for n in way) and _reads(texts, kind, way)]
        if found:
            return [(kind, way) for way in found]
    return []


def _reads(texts: Sequence[str | None], wanted: Type, forms: Sequence[str]) -> bool:
    import pyarrow as pa

    return not _forms.read(pa.chunked_array([pa.array(texts, pa.string())]), wanted, forms)[1]


def _wider(wanted: Type, texts: Sequence[str | None]) -> list[Type]:
    """Types that may hold what `wanted` does not, from the nearest on."""
    from penstock.model.schema import DECIMALS, INTEGERS, Type

    if wanted.name == "date":
        return [Type("timestamp")]
    if wanted.name not in INTEGERS | DECIMALS | {"boolean"}:
        return []
    digits = [match for text in texts if text and (match := re.fullmatch(r"[+-]?(\d+)(?:\.(\d*))?", text))]
    before = max([len(m[1]) for m in digits] + [_WHOLE_DIGITS.get(wanted.name, (wanted.precision or 0) - (wanted.scale or 0))])
    behind = max([len(m[2] or "") for m in digits] + [wanted.scale or 0])
    whole = [Type("int64")] if wanted.name in INTEGERS | {"boolean"} else []
    exact = [Type("decimal", precision=before + behind, scale=behind)] if 0 < before + behind <= 38 and behind < 15 else []
    return [*whole, *exact, *([Type("float64")] if len(digits) == len([t for t in texts if t]) else [])]


def step(column: str, wanted: Type, forms: Sequence[str], required: bool) -> str:
    """The steps that read a column of these forms, as text to paste."""
    names = yaml(forms[0]) if len(forms) == 1 else f"[{', '.join(map(yaml, forms))}]"
    cast = f"`cast: {{{yaml(column)}: {{to: {yaml(str(wanted))}, from: {names}}}}}`"
    meant = [f"{n}: {FORMS[n].means}" for n in forms if n in ("dmy", "mdy", "unix")]
    said = f" ({'; '.join(meant)})" if meant else ""
    if required and NOTHING & {*forms}:
        value = _FILLED.get(wanted.name) or ("false" if wanted.name == "boolean" else "''" if wanted.name == "string" else "0")
        return f"{cast}{said} with `fill: {{{yaml(column)}: {value}}}` behind it, of the value that you want in place of NULL,"
    return cast + said


def _recognised(wanted: Type, texts: Sequence[str | None], known: Sequence[str]) -> list[list[str]]:
    """The choices of forms that these texts are in, beside a plain cast's; none where one of them is in no form that is known."""
    found: dict[str, None] = dict.fromkeys(n for n in known if n != "text")
    for text in texts:
        seen = _forms_of(text, wanted) if text is not None else []
        if seen is None:
            return []
        found |= dict.fromkeys(seen)
    return [_joined([*found]) or ["text"]] if _EITHER_ORDER not in found else _orders([*found])


def _orders(found: list[str]) -> list[list[str]]:
    others = [n for n in found if n != _EITHER_ORDER]
    if {"dmy", "mdy"} & {*others}:
        return [_joined(others)]
    return [_joined([*others, order]) for order in ("dmy", "mdy")]


def _joined(found: list[str]) -> list[str]:
    """The names, with one in the place of several units of time."""
    units = [name for name, _ in _UNITS]
    numbers = [n for n in found if n in (*units, "unix", _SMALL_NUMBER)]
    others = [n for n in found if n not in numbers]
    exact = [n for n in numbers if n != _SMALL_NUMBER]
    if not numbers:
        return others
    return [*others, exact[0] if len(exact) == 1 else "unix" if exact else "unix_s"]


def _forms_of(text: str, wanted: Type) -> list[str] | None:
    """The forms that one text needs beside a plain cast's; None where it is in none."""
    for name in ("empty", "null_text", "zero", "infinity"):
        if _forms.fits(name, wanted) and re.fullmatch(FORMS[name].pattern, text):
            return [name]
    if wanted.name == "boolean":
        return ["words"] if re.fullmatch(FORMS["words"].pattern, text) else []
    return _of_a_moment(text, wanted) if wanted.name in MOMENTS else []


def _of_a_moment(text: str, wanted: Type) -> list[str] | None:
    if re.fullmatch(FORMS["go"].pattern, text):
        return ["go"]
    cut = re.sub(_forms.FINE, r"\1", text)
    if cut != text:
        rest = _of_a_moment(cut, wanted)
        return None if rest is None else [*rest, "nanoseconds"]
    if re.fullmatch(f"{DAY}(?:[T ]{CLOCK})?", text):
        return ["utc"] if wanted.name == "timestamptz" else []
    if re.fullmatch(FORMS["offset"].pattern, text):
        return ["offset"] if wanted.name != "timestamptz" else []
    if re.fullmatch(_forms.NUMBER, text):
        return _of_a_number(text)
    if re.fullmatch(FORMS["ymd"].pattern, text):
        return ["ymd"]
    if match := re.fullmatch(FORMS["dmy"].pattern, text):
        first, second = int(match[1]), int(match[2])
        return ["dmy"] if first > 12 else ["mdy"] if second > 12 else [_EITHER_ORDER]
    return None


def _of_a_number(text: str) -> list[str] | None:
    if re.fullmatch(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])", text):
        return ["%Y%m%d"]
    number = abs(float(text))
    if 1e6 < number < 5_373_484.5:
        return ["julian"]
    if number < _SMALL:
        return [_SMALL_NUMBER]
    return next(([name] for name, most in _UNITS if number < most), None)
