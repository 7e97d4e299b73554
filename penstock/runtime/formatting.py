"""Figures as people read them: thousands separated, bytes and seconds in fitting units, an instant to the second."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

NONE = "—"


def number(value: float | None) -> str:
    """`336,776`; a dash where there is no figure."""
    return NONE if value is None else f"{value:,.0f}"


def size(value: float | None) -> str:
    """Bytes: `4.7 MiB`."""
    if value is None:
        return NONE
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024:
            return f"{value:.0f} B" if unit == "B" else f"{value:.{0 if value >= 100 else 1}f} {unit}"
        value /= 1024
    return f"{value:,.1f} TiB"


def seconds(value: float | None) -> str:
    """A time span: `0.04 s`, `4.2 s`, `5 min 03 s`, `2 h 05 min`."""
    if value is None:
        return NONE
    if value < 59.95:
        return f"{value:.2f} s" if value < 0.1 else f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    return f"{minutes // 60:,} h {minutes % 60:02} min"


def instant(value: str | None) -> str:
    """An ISO instant: `2026-11-23 17:27:50 UTC`."""
    if not value:
        return NONE
    return dt.datetime.fromisoformat(value).astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def interval(ends: Sequence[str], zone: str = "UTC") -> str:
    """A data interval of the time zone `zone`, as people read it. The end is not part of the interval.

    One whole day: `2026-11-03`. Whole days: `2026-11-02 to 2026-11-09`. Within a day: `2026-11-03 05:00 to 06:00 CET`.
    ends: both instants, ISO 8601 with an offset. What is no instant, or no zone, is shown as it is: one bad record must not hide a list.
    """
    try:
        low, high = (dt.datetime.fromisoformat(str(end)).astimezone(ZoneInfo(zone)) for end in ends)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        return " to ".join(map(str, ends))
    if low.time() == high.time() == dt.time.min:
        days = (high.date() - low.date()).days
        return f"{low:%Y-%m-%d}" if days == 1 else f"{low:%Y-%m-%d} to {high:%Y-%m-%d}"
    same_day, same_zone = low.date() == high.date(), low.tzname() == high.tzname()
    begin = f"{low:%Y-%m-%d} {_clock(low)}" + ("" if same_zone else f" {low.tzname()}")
    return f"{begin} to {'' if same_day else f'{high:%Y-%m-%d} '}{_clock(high)} {high.tzname()}"


def _clock(at: dt.datetime) -> str:
    return at.strftime("%H:%M:%S" if at.second else "%H:%M")


def ago(value: dt.datetime, now: dt.datetime) -> str:
    """How long ago an instant is: `just now`, `5 min ago`, `3 h ago`, `12 days ago`."""
    minutes = round((now - value).total_seconds() / 60)
    if minutes < 1:
        return "just now"
    if minutes < 90:
        return f"{minutes} min ago"
    return f"{round(minutes / 60)} h ago" if minutes < 48 * 60 else f"{round(minutes / 60 / 24):,} days ago"


def count(number: int, noun: str, nouns: str = "") -> str:
    """`1 table`, `2 tables`."""
    return f"{number:,} {noun if number == 1 else nouns or noun + 's'}"


def few(names: Sequence[str], most: int = 5) -> str:
    """`a, b, c and 4 more`."""
    return ", ".join(names[:most]) + (f" and {len(names) - most:,} more" if len(names) > most else "")


_YAML_WORDS = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})


def yaml(text: str) -> str:
    """A text as YAML takes it, also inside braces: quoted where it would be another value."""
    if re.fullmatch(r"[^\W\d]\w*", text) and text.lower() not in _YAML_WORDS:
        return text
    return yaml_quoted(text)


def yaml_quoted(text: str) -> str:
    """A text in the double quotes of YAML."""
    return '"' + "".join(map(_escaped, text)) + '"'


def flow(value: Any, braces: bool = True) -> str:
    """A value as YAML on one line. braces: whether a mapping is within braces, as it must be inside a list or another mapping."""
    if isinstance(value, Mapping):
        said = ", ".join(f"{yaml(str(name))}: {flow(inner)}" for name, inner in value.items())
        return f"{{{said}}}" if braces else said
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(flow, value))}]"
    return yaml(value) if isinstance(value, str) else json.dumps(value)


def _escaped(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    return character if character.isprintable() else f"\\U{ord(character):08x}"
