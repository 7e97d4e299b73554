"""What changed since the last run: only what did, against the run that was the last when this one began, and nothing that is secret."""

from __future__ import annotations

import json
import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from penstock import errors
from penstock.model import intervals
from penstock.reporting.sections.changes import compare, of_table
from penstock.state import previous_run
from penstock.state.staging import Staging, of
from tests.support.data.shop import Shop


def area(shop: Shop, run_id: str) -> Staging:
    return of(str(shop.folder / "staging"), "shop", run_id)


def reported(shop: Shop, run_id: str) -> dict[str, Any]:
    found: dict[str, Any] = area(shop, run_id).read_json("report.json")
    return found


def change(shop: Shop, *statements: str) -> None:
    with sqlite3.connect(shop.folder / "shop.sqlite") as db:
        for statement in statements:
            db.execute(statement)


def suite(shop: Shop, name: str, *expectations: dict[str, Any]) -> None:
    folder = shop.folder / "expectations"
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps({"name": name, "expectations": list(expectations)}))


def lines(shop: Shop, run_id: str) -> list[str]:
    """What the report lists as changed, but for times: those depend on the machine."""
    return [line for line in reported(shop, run_id)["changes"]["lines"] if not line.startswith("time of ")]


def test_the_first_run_is_compared_with_none(shop: Shop) -> None:
    shop.run()
    assert reported(shop, "r1")["changes"] is None


def test_a_second_run_of_the_same_rows_changed_nothing(shop: Shop) -> None:
    shop.run("r1")
    shop.run("r2")
    found = reported(shop, "r2")["changes"]
    assert found["run"] == "r1" and lines(shop, "r2") == []
    assert not any(found[part] for part in found if part not in ("run", "written", "outcome", "interval", "seconds", "lines"))


def test_rows_tables_and_columns_that_changed_are_told_the_largest_first(shop: Shop) -> None:
    shop.run("r1")
    change(
        shop,
        "INSERT INTO log SELECT said, weight FROM log",
        "DELETE FROM customer WHERE id > 298",
        "CREATE TABLE fresh (id INTEGER PRIMARY KEY)",
        'ALTER TABLE "nothing" ADD COLUMN w INTEGER',
        "DROP TABLE \"item of \"\"%s\"\" order\"",
    )  # fmt: skip
    shop.run("r2", shop.write("  customer: {transform: [{cast: {born: string}}]}"))
    found = reported(shop, "r2")["changes"]
    assert [(r["table"], r["before"], r["now"], r["ratio"]) for r in found["rows"]] == [
        ("log", 100, 200, 1.0),
        ("customer", 300, 298, -0.0067),
    ]
    assert found["tables_added"] == ["fresh"] and found["tables_missing"] == ['item of "%s" order']
    columns = {(c["table"], c["column"]): (c["before"], c["now"]) for c in found["columns"]}
    assert columns == {("customer", "born"): ("date", "DATE → string"), ("nothing", "w"): (None, "int64")}
    assert ("customer", "transforms") in [(d["table"], d["what"]) for d in found["declared"]]
    told = "\n".join(found["lines"])
    assert "rows of 2 tables: 400 before, 498 now (+24.5 %), mostly log" in told and "1 table not in the last run: fresh" in told
    assert of_table(found, "log") and of_table(found, "order") is None


def test_an_expectation_that_is_met_no_longer_comes_first(shop: Shop) -> None:
    asked = {"type": "expect_column_max_to_be_between", "kwargs": {"column": "weight", "max_value": 17}, "severity": "warning"}
    moving = {"type": "expect_column_mean_to_be_between", "kwargs": {"column": "weight", "max_value": 99}, "severity": "warning"}
    suite(shop, "log.extracted", moving | {"meta": {"code": "mean"}}, asked | {"meta": {"code": "top"}})
    shop.run("r1")
    change(shop, "UPDATE log SET weight = 40 WHERE said = 'said 1'")
    shop.run("r2")
    found = reported(shop, "r2")["changes"]["expectations"]
    assert [(e["code"], e["met_before"], e["met"]) for e in found] == [("top", True, False), ("mean", True, True)]
    assert found[0]["now"] == "40.0" and float(found[0]["before"]) < 17
    assert reported(shop, "r2")["changes"]["lines"][0] == "1 expectation no longer met"


def test_what_was_page_before_is_not_repeated_once_it_is_sensitive(shop: Shop) -> None:
    asked = {"type": "expect_column_max_to_be_between", "kwargs": {"column": "credit", "max_value": 1e9}, "severity": "warning"}
    suite(shop, "customer.extracted", asked)
    change(shop, "UPDATE customer SET credit = 777123.25 WHERE id = 1")
    shop.run("r1")
    assert "777123" in json.dumps(reported(shop, "r1"))
    change(shop, "UPDATE customer SET credit = 777124.25 WHERE id = 1")
    shop.run("r2", shop.write("  customer: {sensitive: [credit]}"))
    assert "77712" not in json.dumps(reported(shop, "r2"))


def test_what_a_step_said_of_a_column_is_not_repeated_once_it_is_sensitive(shop: Shop) -> None:
    step = "transform: [{fill: {note: geheim}}]"
    shop.run("r1", shop.write(f"  order: {{{step}}}"))
    assert "geheim" in json.dumps(reported(shop, "r1"))
    shop.run("r2", shop.write(f"  order: {{sensitive: [note], {step}}}"))
    place = shop.folder / "staging" / "shop" / "r2"
    assert "geheim" not in json.dumps(reported(shop, "r2")) + (place / "report.html").read_text()
    assert ("order", "transforms") in [(d["table"], d["what"]) for d in reported(shop, "r2")["changes"]["declared"]]


def test_a_run_that_failed_before_its_proof_is_not_the_last(shop: Shop) -> None:
    shop.run("r1")
    suite(shop, "log.extracted", {"type": "expect_column_max_to_be_between", "kwargs": {"column": "weight", "max_value": 1}})
    with pytest.raises(errors.GateClosed):
        shop.run("r2")
    (shop.folder / "expectations" / "log.extracted.json").unlink()
    shop.run("r3")
    assert reported(shop, "r2")["changes"]["run"] == reported(shop, "r3")["changes"]["run"] == "r1"


def test_runs_beside_each_other_are_compared_with_the_last_that_ended_before_both(shop: Shop) -> None:
    shop.run("r1")
    shop.run("r2", stop_before_switch=True)
    previous_run.remember(area(shop, "late"))
    shop.run("r3")
    shop.run("late")
    assert reported(shop, "late")["changes"]["run"] == "r2"
    assert reported(shop, "r3")["changes"]["run"] == "r2"


def test_an_older_run_never_takes_the_place_of_a_newer_one(shop: Shop) -> None:
    from penstock.stages import report

    shop.run("r1")
    shop.run("r2")
    last = area(shop, "r2").beside.read_json("last.json")
    assert last["runs"]["whole"]["run"] == "r2"
    report.report(area(shop, "r1"), "shop", "r1")
    assert area(shop, "r2").beside.read_json("last.json") == last
    report.report(area(shop, "r2"), "shop", "r2")
    assert area(shop, "r2").beside.read_json("last.json") == last


DAILY = "  include: [customer]\n  customer: {partition: {by: at}}"


def day(shop: Shop, number: int, name: str = "") -> dict[str, Any]:
    """The report of a run of a day in March."""
    name = name or f"d{number}"
    interval = intervals.between(f"2024-03-{number:02}", f"2024-03-{number + 1:02}", "UTC")
    shop.run(name, shop.write(DAILY, "schedule: '@daily'\nstart_date: 2024-03-01"), interval=interval)
    return reported(shop, name)


def test_a_partition_is_compared_with_the_intervals_before_it_and_not_with_later_or_whole_ones(shop: Shop) -> None:
    shop.run("whole", shop.write("  include: [customer]"))
    assert day(shop, 8)["changes"] is None  # of a whole table nothing is known that a day is like
    shop.run("first")
    rows = {n: 10 + (n <= 20) for n in (3, 4, 5, 6)}  # 300 customers, on 28 days
    found = day(shop, 3)["changes"]
    assert found["run"] == "d8" and found["rows"] == []  # a day before it there is none yet
    for number in (4, 5):
        assert day(shop, number)["changes"]["rows"] == []
    change(shop, "DELETE FROM customer WHERE at >= '2024-03-06' AND at < '2024-03-07' AND id > 10")
    (told,) = day(shop, 6)["changes"]["rows"]
    assert told == {"table": "customer", "moves": "partition", "before": rows[5], "now": 1, "ratio": -0.9091}
    assert "rows of 1 table: 11 usually, 1 now (-90.9 %)" in reported(shop, "d6")["changes"]["lines"]
    change(shop, "DELETE FROM customer WHERE at >= '2024-03-03' AND at < '2024-03-04' AND id > 100")
    (again,) = day(shop, 3, "again")["changes"]["rows"]  # the same interval again is compared with itself
    assert (again["before"], again["now"]) == (11, 4)


def test_an_increment_is_compared_with_increments_and_a_repair_with_nothing(shop: Shop) -> None:
    grows = shop.write("  include: [customer]\n  customer: {incremental: {by: at, lookback: 1m}}")

    def arrive(first: int, count: int) -> None:
        rows = (f"({n}, 'x', NULL, NULL, 0, '2024-04-{first // 100 - 9:02} 10:{n % 60:02}:00')" for n in range(first, first + count))
        change(shop, f"INSERT INTO customer VALUES {', '.join(rows)}")

    shop.run("whole", grows)
    for number, name in enumerate(("i1", "i2", "i3")):
        arrive(1000 + 100 * number, 20)
        shop.run(name, grows)
    assert reported(shop, "i1")["tables"][0]["moves"] == "increment" and reported(shop, "i1")["changes"] is None
    assert reported(shop, "i3")["changes"]["run"] == "i2" and lines(shop, "i3") == []
    arrive(1300, 1)
    shop.run("i4", grows)
    (told,) = reported(shop, "i4")["changes"]["rows"]
    assert told["moves"] == "increment" and told["before"] == reported(shop, "i2")["tables"][0]["rows_read"]
    assert told["now"] < 5 and told["ratio"] < -0.5
    shop.run("mended", grows, repair=True)
    assert reported(shop, "mended")["changes"] is None
    shop.run("i5", grows)
    assert reported(shop, "i5")["changes"]["run"] == "i4"


def test_the_last_run_is_found_without_looking_at_any_other(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in (1, 2, 3):
        shop.run(f"r{n}")
    touched: set[str] = set()
    read, names = Staging.read_text, Staging.names

    def noted(self: Staging, *parts: str) -> str:
        touched.add(self.path.rpartition("/")[2])
        return read(self, *parts)

    def listed(self: Staging, *parts: str) -> list[str]:
        touched.add(self.path.rpartition("/")[2])
        return names(self, *parts)

    monkeypatch.setattr(Staging, "read_text", noted)
    monkeypatch.setattr(Staging, "names", listed)
    shop.run("r4")
    assert touched == {"r4", "r3", ".migration"}


@pytest.mark.parametrize("left", [None, "half a rep", '{"report": 99}'])
def test_whatever_is_left_of_the_last_run_there_is_a_report(shop: Shop, left: str | None) -> None:
    shop.run("r1")
    area(shop, "r1").delete()
    if left is not None:
        area(shop, "r1").write_text(left, "report.json")
    shop.run("r2")
    assert reported(shop, "r2")["outcome"] == "switched" and reported(shop, "r2")["changes"] is None


def test_stages_are_slower_only_when_they_are_so_by_more_than_a_clock_tells(tmp_path: Path) -> None:
    from penstock.stages import report

    area = of(str(tmp_path), "shop", "r1")
    for stage in ("load", "prove"):
        area.write_json({"stage": stage, "label": "", "started": "2026-11-23T12:00:00+00:00", "seconds": 10.0}, "timings", f"{stage}.json")
    before = report.report(area, "shop", "r1")
    for stage, seconds in (("load", 30.0), ("prove", 10.9)):
        timing = {"stage": stage, "label": "", "started": "2026-11-23T12:00:00+00:00", "seconds": seconds}
        area.write_json(timing, "timings", f"{stage}.json")
    found = compare(report.report(area, "shop", "r1"), before)
    assert found is not None and [(s["stage"], s["before"], s["now"]) for s in found["seconds"]] == [("load", 10.0, 30.0)]
    assert timedelta(seconds=found["seconds"][0]["now"]) == timedelta(seconds=30)
