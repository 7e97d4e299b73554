"""Intervals tile time, on every clock, in every zone: nothing falls between two of them and nothing into both."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.errors import MigrationError
from penstock.model import intervals
from penstock.model.intervals import Interval

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "America/Sao_Paulo", "Pacific/Apia")
SCHEDULES = ("@hourly", "@daily", "@weekly", "@monthly", "*/30 * * * *", "30 2 * * *", "0 */6 * * *")
MOMENTS = st.datetimes(dt.datetime(2005, 1, 1), dt.datetime(2026, 1, 1), timezones=st.just(dt.UTC))


def hours(interval: Interval) -> float:
    return (interval.high - interval.low).total_seconds() / 3600


def daily(day: str, zone: str) -> Interval:
    low = intervals.instant(day, zone)
    return next(intervals.tiles("@daily", zone, low, low + dt.timedelta(days=3)))


def test_a_day_has_25_hours_when_the_clock_is_put_back_and_23_when_it_is_put_forward() -> None:
    assert hours(daily("2024-10-27", "Europe/Berlin")) == 25
    assert hours(daily("2024-03-31", "Europe/Berlin")) == 23
    assert hours(daily("2024-10-27", "UTC")) == 24


def test_hours_go_on_through_the_hour_that_comes_twice() -> None:
    day = daily("2024-10-27", "Europe/Berlin")
    found = list(intervals.tiles("@hourly", "Europe/Berlin", day.low, day.high))
    assert len(found) == 25 and all(hours(i) == 1 for i in found)
    walls = [intervals.bounds(i, "timestamp", "Europe/Berlin") for i in found]
    assert walls[2] == ("2024-10-27 02:00:00", "2024-10-27 03:00:00")  # both times that it was between two and three
    assert walls[3] == ("2024-10-27 03:00:00", "2024-10-27 03:00:00")
    assert walls[4] == ("2024-10-27 03:00:00", "2024-10-27 04:00:00")


def test_an_hour_that_never_was_belongs_to_the_one_before() -> None:
    day = daily("2024-03-31", "Europe/Berlin")
    found = list(intervals.tiles("@hourly", "Europe/Berlin", day.low, day.high))
    assert len(found) == 23
    assert intervals.bounds(found[1], "timestamp", "Europe/Berlin") == ("2024-03-31 01:00:00", "2024-03-31 03:00:00")


@given(MOMENTS, st.sampled_from(ZONES), st.sampled_from(SCHEDULES))
def test_intervals_of_a_schedule_follow_each_other_without_a_gap(low: dt.datetime, zone: str, schedule: str) -> None:
    found = list(intervals.tiles(schedule, zone, low, low + dt.timedelta(days=3 if "month" not in schedule else 70)))
    assert all(a.high == b.low for a, b in pairwise(found))
    assert all(i.low < i.high for i in found)


@given(MOMENTS, st.sampled_from(ZONES), st.sampled_from(SCHEDULES), st.integers(0, 400))
def test_every_wall_time_is_in_one_interval(low: dt.datetime, zone: str, schedule: str, minutes: int) -> None:
    found = list(intervals.tiles(schedule, zone, low, low + dt.timedelta(days=40 if schedule in ("@weekly", "@monthly") else 3)))
    if len(found) < 2:
        return
    cut = [intervals.bounds(i, "timestamp", zone) for i in found]
    assert all(a[1] == b[0] for a, b in pairwise(cut)) and all(a <= b for a, b in cut)
    moment = (dt.datetime.fromisoformat(cut[0][0]) + dt.timedelta(minutes=minutes)).isoformat(sep=" ")
    if moment < cut[-1][1]:
        assert sum(a <= moment < b for a, b in cut) == 1


@given(MOMENTS, st.sampled_from(ZONES), st.integers(0, 7200))
def test_the_wall_clock_never_goes_back(at: dt.datetime, zone: str, seconds: int) -> None:
    later = at + dt.timedelta(seconds=seconds)
    assert intervals.wall(at, zone) <= intervals.wall(later, zone)
    local = at.astimezone(ZoneInfo(zone))
    if not local.fold:
        assert intervals.wall(at, zone) == local.replace(tzinfo=None)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_intervals_are_those_of_airflow(schedule: str, zone: str) -> None:
    pendulum = pytest.importorskip("pendulum")
    from airflow.timetables.interval import CronDataIntervalTimetable

    airflow = CronDataIntervalTimetable(schedule, timezone=zone)
    for begin in ("2024-03-28", "2024-10-25", "2024-04-05", "2018-11-02"):
        low = intervals.midnight(dt.date.fromisoformat(begin), zone)
        high = low + dt.timedelta(days=70 if schedule == "@monthly" else 8)
        expected, at = [], airflow._align_to_next(pendulum.instance(low))
        while (after := airflow._get_next(at)) <= high:
            expected.append((at, after))
            at = after
        assert [(i.low, i.high) for i in intervals.tiles(schedule, zone, low, high)] == expected


def test_a_date_is_not_cut_through() -> None:
    hour = next(intervals.tiles("@hourly", "UTC", intervals.instant("2024-01-01", "UTC"), intervals.instant("2024-01-02", "UTC")))
    with pytest.raises(MigrationError, match="a date has no time"):
        intervals.bounds(hour, "date", "UTC")


@pytest.mark.parametrize(
    ("text", "told"), [("2024-01-01", "not an interval"), ("a..b", "neither a date"), ("2024-01-02..2024-01-01", "is empty")]
)
def test_what_is_no_interval_is_refused_in_words(text: str, told: str) -> None:
    with pytest.raises(MigrationError, match=told):
        intervals.parse(text, "UTC")


def test_times_are_of_the_zone_unless_they_say_their_own() -> None:
    found = intervals.parse("2024-06-01..2024-06-01T12:00+00:00", "Europe/Berlin")
    assert str(found) == "2024-05-31T22:00:00Z..2024-06-01T12:00:00Z"


@pytest.mark.parametrize(
    ("low", "high", "zone", "told"),
    [
        ("2026-11-03", "2026-11-04", "Europe/Berlin", "2026-11-03"),
        ("2026-11-01", "2026-12-01", "UTC", "2026-11"),
        ("2025-12-01", "2026-01-01", "UTC", "2025-12"),
        ("2026-11-02", "2026-11-09", "UTC", "2026-11-02..2026-11-09"),
        ("2026-11-03T06:00", "2026-11-03T07:00", "UTC", "2026-11-03 06:00..07:00 UTC"),
        ("2026-11-03T22:00", "2026-11-04T02:00", "UTC", "2026-11-03 22:00..2026-11-04 02:00 UTC"),
        ("2026-10-25T00:00Z", "2026-10-25T01:00Z", "Europe/Berlin", "2026-10-25 02:00+0200..02:00+0100"),
        ("2026-10-25T01:00Z", "2026-10-25T02:00Z", "Europe/Berlin", "2026-10-25 02:00+0100..03:00+0100"),
    ],
)
def test_an_interval_is_called_in_short_so_that_no_two_are_called_the_same(low: str, high: str, zone: str, told: str) -> None:
    assert intervals.short(intervals.between(low, high, zone), zone) == told


@pytest.mark.parametrize(
    ("schedule", "now", "pasted"),
    [
        ("@daily", "2026-11-04T10:00", "2026-11-03..2026-11-04"),
        ("@daily", "2026-10-26T00:30", "2026-10-25..2026-10-26"),  # a day of 25 hours
        ("@hourly", "2026-11-04T10:20", "2026-11-04T08:00:00Z..2026-11-04T09:00:00Z"),
        ("@monthly", "2026-11-04T10:20", "2026-10-01..2026-11-01"),
    ],
)
def test_the_last_interval_that_is_over_can_be_pasted(schedule: str, now: str, pasted: str) -> None:
    zone = "Europe/Berlin"
    last = intervals.last(schedule, zone, intervals.instant(now, zone))
    assert intervals.pasted(last, zone) == pasted and intervals.parse(pasted, zone) == last
