"""Data intervals: the stretches of time that a schedule cuts history into, half open, and what they are on a column's clock.

A schedule is cron in a time zone, and its intervals tile time as Airflow's CronDataIntervalTimetable has them: a day of 23 hours and one
of 25 are each one interval. On a column that has no zone of its own an interval is a stretch of the wall clock of the schedule's zone.
There an hour can come twice: all rows of such an hour belong to its first time, so wall times tile without gap or overlap too.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from croniter import croniter

from penstock.errors import MigrationError

PRESETS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@quarterly": "0 0 1 */3 *",
    "@yearly": "0 0 1 1 *",
}
Clock = Literal["date", "timestamp", "timestamptz"]
"""The canonical types that a table can be partitioned by."""
CLOCKS: tuple[Clock, ...] = ("date", "timestamp", "timestamptz")
BEGINNING = "0001-01-02"
"""A day before all data that still is a date in every time zone."""


@dataclass(frozen=True)
class Interval:
    """low <= t < high, both instants in UTC."""

    low: dt.datetime
    high: dt.datetime

    def __str__(self) -> str:
        return f"{written(self.low)}..{written(self.high)}"


def written(instant: dt.datetime) -> str:
    """An instant as text that sorts: `2013-01-01T05:00:00Z`."""
    return instant.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")


def short(interval: Interval, zone: str) -> str:
    """An interval as a person of `zone` calls it: `2026-11-03`, `2026-11`, `2026-11-02..2026-11-09`, `2026-11-03 06:00..07:00 UTC`."""
    low, high = (end.astimezone(ZoneInfo(zone)) for end in (interval.low, interval.high))
    if low.time() == high.time() == dt.time.min:
        if high.date() - low.date() == dt.timedelta(days=1):
            return low.date().isoformat()
        if low.day == high.day == 1 and (high.year * 12 + high.month) - (low.year * 12 + low.month) == 1:
            return f"{low:%Y-%m}"
        return f"{low.date()}..{high.date()}"
    # Outside UTC the offset is a part of it: an hour of the wall clock can come twice.
    offset = "" if zone == "UTC" else "%z"
    begin, end = f"{low:%Y-%m-%d %H:%M{offset}}", f"{high:%H:%M{offset}}" if low.date() == high.date() else f"{high:%Y-%m-%d %H:%M{offset}}"
    return f"{begin}..{end}" + (" UTC" if zone == "UTC" else "")


def parse(text: str, zone: str) -> Interval:
    """`2013-01-01..2013-02-01`: dates and times are those of `zone` unless they say their own. Raises MigrationError."""
    low, dots, high = text.partition("..")
    if not dots:
        raise MigrationError(f"{text!r} is not an interval", fix="write for instance 2013-01-01..2013-02-01: the end does not belong to it")
    return between(low, high, zone)


def between(low: str, high: str, zone: str) -> Interval:
    """The interval between two dates or times, ISO 8601. Raises MigrationError."""
    found = Interval(instant(low, zone), instant(high, zone))
    if found.low >= found.high:
        raise MigrationError(f"the interval {low}..{high} is empty", fix="its end must be after its beginning")
    return found


def instant(text: str, zone: str) -> dt.datetime:
    """A date or time, of `zone` unless it says its own, as an instant in UTC. Raises MigrationError."""
    try:
        read = dt.datetime.fromisoformat(text.strip())
    except ValueError:
        raise MigrationError(f"{text!r} is neither a date nor a time", fix="write for instance 2013-01-01 or 2013-01-01T06:00") from None
    return (read if read.tzinfo else read.replace(tzinfo=ZoneInfo(zone))).astimezone(dt.UTC)


def midnight(day: dt.date, zone: str) -> dt.datetime:
    """Where a day begins in a zone, in UTC."""
    return dt.datetime.combine(day, dt.time.min, ZoneInfo(zone)).astimezone(dt.UTC)


def tiles(schedule: str, zone: str, low: dt.datetime, high: dt.datetime) -> Iterator[Interval]:
    """The whole intervals of a schedule between two instants, in their order.

    As Airflow computes them (airflow/timetables/_cron.py): by the wall clock, but a schedule of every hour steps over the hour that comes
    twice by elapsed time.
    """
    begin = following(schedule, zone, low).low
    while (end := _next(schedule, zone, begin)) <= high:
        yield Interval(begin, end)
        begin = end


def following(schedule: str, zone: str, begin: dt.datetime) -> Interval:
    """The first whole interval of a schedule that begins at an instant or after it."""
    low = begin if _previous(schedule, zone, _next(schedule, zone, begin)) == begin else _next(schedule, zone, begin)
    return Interval(low, _next(schedule, zone, low))


def last(schedule: str, zone: str, now: dt.datetime) -> Interval:
    """The last interval of a schedule that is over."""
    high = _previous(schedule, zone, now)
    return Interval(_previous(schedule, zone, high), high)


def pasted(interval: Interval, zone: str) -> str:
    """An interval as `parse` takes it, by days of `zone` where it is of whole days: `2026-11-02..2026-11-03`."""
    ends = [end.astimezone(ZoneInfo(zone)) for end in (interval.low, interval.high)]
    return "..".join(e.date().isoformat() for e in ends) if all(e.time() == dt.time.min for e in ends) else str(interval)


def _next(schedule: str, zone: str, after: dt.datetime) -> dt.datetime:
    return _step(schedule, zone, after, forward=True)


def _previous(schedule: str, zone: str, before: dt.datetime) -> dt.datetime:
    return _step(schedule, zone, before, forward=False)


def _step(schedule: str, zone: str, at: dt.datetime, forward: bool) -> dt.datetime:
    naive = at.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0)
    cron = croniter(PRESETS.get(schedule, schedule), start_time=naive)
    there: dt.datetime = cron.get_next(dt.datetime) if forward else cron.get_prev(dt.datetime)
    if cron.expanded[1] == ["*"]:
        return at + (there - naive)
    # As Airflow has it: of an hour that comes twice the second, and a time that never comes stands as far behind the gap as in it.
    local = there.replace(tzinfo=ZoneInfo(zone), fold=0 if _skipped(there, zone) else 1)
    return local.astimezone(dt.UTC)


def _skipped(naive: dt.datetime, zone: str) -> bool:
    local = naive.replace(tzinfo=ZoneInfo(zone))
    return local.astimezone(dt.UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0) != naive


def bounds(interval: Interval, clock: Clock, zone: str) -> tuple[str, str]:
    """Both ends of an interval on a column's clock, as text without an offset: UTC for timestamptz, else the wall clock of `zone`.

    Raises MigrationError when a date can't tell what is inside from what is outside.
    """
    if clock == "timestamptz":
        low, high = (t.astimezone(dt.UTC).replace(tzinfo=None) for t in (interval.low, interval.high))
        return _stamp(low), _stamp(high)
    low, high = wall(interval.low, zone), wall(interval.high, zone)
    if clock == "timestamp":
        return _stamp(low), _stamp(high)
    if low.time() != dt.time.min or high.time() != dt.time.min:
        fix = "partition by a column with a time, or schedule whole days"
        raise MigrationError(f"the interval {interval} cuts through a day of {zone}, and a date has no time", fix=fix)
    return low.date().isoformat(), high.date().isoformat()


def wall(instant: dt.datetime, zone: str) -> dt.datetime:
    """The wall clock of `zone`, which never goes back: while an hour comes the second time, it stands where its first time ended."""
    local = instant.astimezone(ZoneInfo(zone))
    if local.fold:
        first = local.replace(fold=0)
        back = (first.utcoffset() or dt.timedelta()) - (local.utcoffset() or dt.timedelta())
        low, high = instant - back, instant  # the clock was put back between them
        while high - low > dt.timedelta(seconds=1):
            middle = low + (high - low) / 2
            low, high = (low, middle) if middle.astimezone(ZoneInfo(zone)).fold else (middle, high)
        turned = high.replace(microsecond=0).astimezone(ZoneInfo(zone))
        return turned.replace(tzinfo=None, fold=0) + back
    return local.replace(tzinfo=None)


def _stamp(at: dt.datetime) -> str:
    return at.isoformat(sep=" ")


def zone_known(name: str) -> bool:
    """Whether there is a time zone of that name."""
    try:
        ZoneInfo(name)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        return False
    return True
