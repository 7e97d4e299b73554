"""The pages of one run: what needs a look first, everything within reach, hostile names inert, and small however many tables there are."""

from __future__ import annotations

import datetime as dt
import json
import re
import sqlite3
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from penstock import errors
from penstock.model import intervals
from penstock.reporting.html import run as pages
from penstock.reporting.html.addresses import Addresses
from penstock.reporting.html.run import RunPage
from penstock.reporting.one_table import one_table
from penstock.reporting.sections import attention, pace
from penstock.stages import report
from penstock.stages.coverage import coverage
from penstock.state import progress, run_log
from penstock.state.staging import Staging, of
from tests.scenarios.reporting.test_changes import area, change, reported, suite
from tests.support.data.many_tables import staged
from tests.support.data.shop import ITEMS, Shop
from tests.unit.reporting.test_report import HOSTILE, Tags

PAGE = RunPage(Addresses("/penstock"), "shop", "manual__2026-01-01T00:00:00+00:00")


def tab(place: Staging, page: RunPage = PAGE) -> str:
    return pages.report(place.read_json("report.json"), progress.read(place), page)


def table(place: Staging, name: str) -> str:
    told = place.read_json("report.json")
    found = one_table(place, told, name)
    assert found is not None
    return pages.table(found, told, PAGE)


def test_what_needs_a_look_comes_first_and_the_worst_of_it_before_the_rest(shop: Shop) -> None:
    suite(shop, "order.extracted", {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "note"}, "severity": "warning"})
    suite(shop, "log.extracted", {"type": "expect_column_max_to_be_between", "kwargs": {"column": "weight", "max_value": 1}})
    with pytest.raises(errors.GateClosed):
        shop.run()
    found = attention.view(reported(shop, "r1"))
    assert [(t["table"], why) for t, why in found] == [("log", ["a gate is closed"]), ("order", ["a gate warned"])]
    html = tab(area(shop, "r1"))
    places = [html.index(f'id="{part}"') for part in ("failed", "flow", "attention", "gates", "stages", "tables")]
    assert places == sorted(places)


def test_every_table_and_gate_is_a_link_away(shop: Shop) -> None:
    shop.run()
    links = dict.fromkeys(v for n, v in Tags(tab(area(shop, "r1"))).attributes if n == "href")
    run = "/penstock/dags/shop/runs/manual__2026-01-01T00%3A00%3A00%2B00%3A00"
    assert {f"{run}/tables?name={n}" for n in ("customer", "log", "nothing", "order", "item%20of%20%22%25s%22%20order")} <= set(links)
    assert {f"{run}/gates/extracted", f"{run}/gates/loaded", f"{run}/report.html", f"{run}/report.json"} <= set(links)


def test_a_table_has_its_columns_ledger_chunks_and_digests(shop: Shop) -> None:
    steps = "  customer: {to: person, transform: [{rename: {name: full_name}}, {filter: 'id > 100'}, {drop: at}]}"
    shop.run(migration=shop.write(steps, "chunk: 16KiB"))
    place = area(shop, "r1")
    found = one_table(place, reported(shop, "r1"), "customer")
    assert found is not None and len(found["chunks"]) > 1
    assert sum(c["rows_read"] for c in found["chunks"]) == 300
    assert sum(c["rows_staged"] for c in found["chunks"]) == 200 == found["table"]["rows_loaded"]
    assert all(c["equal"] and c["staged"] == c["target"] for c in found["chunks"])
    assert found["chunks"][0]["range"].startswith("id ≤ ") and "< id ≤" in found["chunks"][1]["range"]
    columns = {c["from"]: c["to"] for c in found["table"]["columns"]}
    assert columns["name"] == "full_name" and columns["at"] is None
    text = Tags(table(place, "customer")).text
    for said in ("full_name", "dropped", "rename name → full_name", "string(40) not NULL", found["chunks"][0]["staged"].partition(":")[2]):
        assert said in text, said


def test_a_chunk_that_differs_is_told_first_with_its_rows(shop: Shop) -> None:
    from tests.scenarios.test_engine import databases, events

    def forge(name: str, _: dict[str, Any]) -> None:
        if name == "build.finished":
            engine = databases.of(shop.target).engine(shop.target)
            plan = area(shop, "r1").read_json("plan.json")["tables"]
            shadow = next(t["shadow"]["name"] for t in plan if t["source"]["name"]["name"] == "customer")
            schema = next(t["shadow"]["schema"] for t in plan if t["source"]["name"]["name"] == "customer")
            with engine.begin() as connection:
                databases.execute(connection, f'UPDATE "{schema}"."{shadow}" SET name = \'Mallory\' WHERE id = 250')
            engine.dispose()

    with events.subscribed(forge), pytest.raises(errors.GateClosed):
        shop.run(migration=shop.write("", "chunk: 16KiB"))
    found = one_table(area(shop, "r1"), reported(shop, "r1"), "customer")
    assert found is not None
    broken = [c for c in found["chunks"] if c["equal"] is False]
    assert len(broken) == 1 and broken[0]["staged"] != broken[0]["target"]
    html = table(area(shop, "r1"), "customer")
    text = Tags(html).text
    assert "id=250" in text and "Mallory" in text and "staged" in text
    assert html.index('<tr class="bad"><th scope="row" class="n">') < html.index('<tr class=""><th scope="row" class="n">')


def test_a_table_is_not_cut_by_a_sensitive_key_so_that_no_bound_shows_a_value(shop: Shop) -> None:
    with sqlite3.connect(shop.folder / "shop.sqlite") as db:
        db.execute("CREATE TABLE person (ssn TEXT PRIMARY KEY, name TEXT)")
        db.executemany("INSERT INTO person VALUES (?, 'n')", [(f"geheim-{n:05}" + "x" * 60,) for n in range(2000)])
    shop.run(migration=shop.write("  person: {sensitive: [ssn]}", "chunk: 16KiB"))
    found = one_table(area(shop, "r1"), reported(shop, "r1"), "person")
    assert found is not None and [c["range"] for c in found["chunks"]] == ["all rows"]
    assert "geheim" not in table(area(shop, "r1"), "person") + tab(area(shop, "r1")) + json.dumps(found)


def test_a_gate_shows_what_failed_first_with_its_suite(shop: Shop) -> None:
    suite(shop, "order.extracted", {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "note"}, "severity": "warning"})
    shop.run()
    html = pages.gate(reported(shop, "r1"), "extracted", PAGE)
    assert html is not None
    text = Tags(html).text
    assert text.index("order.note" if "order.note" in text else "not NULL") < text.index("customer")
    assert re.search(r"suite order\.extracted, sha256 [0-9a-f]{12}…", text)
    assert "note=NULL" in text and "id=4" in text
    assert pages.gate(reported(shop, "r1"), "../loaded", PAGE) is None


def test_a_name_that_the_run_does_not_have_is_none_of_its_tables(shop: Shop) -> None:
    shop.run()
    for name in ("", "../r1", "nobody", "CUSTOMER", "customer/00000"):
        assert one_table(area(shop, "r1"), reported(shop, "r1"), name) is None
    assert one_table(area(shop, "r1"), reported(shop, "r1"), ITEMS) is not None


def test_hostile_names_and_values_are_inert_on_every_page(tmp_path: Path, shop: Shop) -> None:
    with sqlite3.connect(shop.folder / "shop.sqlite") as db:
        quoted = HOSTILE.replace('"', '""')
        db.execute(f'CREATE TABLE "{quoted}" (id INTEGER PRIMARY KEY, "c{quoted}" TEXT)')
        db.execute(f'INSERT INTO "{quoted}" VALUES (1, ?)', (HOSTILE,))
    shop.run("r1")
    with sqlite3.connect(shop.folder / "shop.sqlite") as db:
        db.execute(f'ALTER TABLE "{quoted}" ADD COLUMN "d{quoted}" TEXT')
        db.execute(f'INSERT INTO "{quoted}" VALUES (2, ?, ?)', (HOSTILE, HOSTILE))
    shop.run("r2")
    told = reported(shop, "r2")
    place = area(shop, "r2")
    told["gates"][0]["verdicts"][0]["results"][0] |= {
        "observed": HOSTILE,
        "expected": HOSTILE,
        "examples": [{"key": HOSTILE, "value": HOSTILE}],
    }
    page = RunPage(
        Addresses("/penstock"), HOSTILE, HOSTILE, in_progress=True, waiting_task=HOSTILE, attempt=1, attempts=2, interval=HOSTILE
    )
    over = replace(page, in_progress=False, waiting_task=None, of_run=HOSTILE, failed_tasks=(HOSTILE,), started_by=HOSTILE, note=HOSTILE)
    found = one_table(place, told, HOSTILE)
    assert found is not None
    htmls = [
        pages.report(told, progress.read(place), page),
        pages.unreported(
            run_log.Failure("plan", "2026-01-01T00:00:00Z", HOSTILE, True, HOSTILE, HOSTILE, HOSTILE, HOSTILE, (HOSTILE,)),
            progress.read(place),
            over,
        ),
        pages.unreported(None, progress.read(place), page),
        pages.table(found, told, page),
        pages.gate(told, "extracted", page),
        pages.progress_of(progress.read(place), page),
    ]
    for html in htmls:
        assert html is not None
        page = Tags(html)
        assert page.tags.count("script") <= 1 and not {"img", "iframe", "object", "base"} & set(page.tags)
        assert not [
            n
            for n, v in page.attributes
            if n.startswith("on") or n == "style" or (n in ("href", "src") and not (v or "").startswith(("/", "#")))
        ]
        assert "<style" not in html and "javascript:" not in html


def test_an_attempt_that_is_not_the_last_leads_to_its_own_pages(shop: Shop) -> None:
    shop.run()
    page = RunPage(Addresses("/penstock"), "shop", "r", attempt=1, attempts=3)
    links = [v or "" for n, v in Tags(tab(area(shop, "r1"), page)).attributes if n == "href"]
    assert all("attempt=1" in v for v in links if "/tables" in v or "/gates/" in v or "report." in v)
    assert [v for v in links if v.endswith(("report", "attempt=2"))] == [
        "/penstock/dags/shop/runs/r/report?attempt=2",
        "/penstock/dags/shop/runs/r/report",
    ]


def test_while_a_run_goes_on_there_is_a_page_before_there_is_a_report(tmp_path: Path) -> None:
    place = of(str(tmp_path), "shop", "r1")
    with run_log.stage(place, "preflight"):
        page = RunPage(Addresses("/penstock"), "shop", "r1", in_progress=True)
        html = pages.unreported(None, progress.read(place), page)
    assert 'data-progress="/penstock/dags/shop/runs/r1/progress?seen=running"' in html and "preflight" in html
    over = pages.unreported(None, progress.read(place), RunPage(Addresses("/penstock"), "shop", "r1"))
    assert "data-progress" not in over and "ended without a report" in over


def test_the_picture_of_the_pace_has_a_stage_beside_the_other(shop: Shop) -> None:
    shop.run()
    found = pace.view(reported(shop, "r1"))
    assert found is not None
    assert [a["stage"] for a in found["areas"]] == ["extract", "load", "prove"]
    places = [a["x"] for a in found["areas"]]
    assert places == sorted(places) and places[-1] < found["width"]
    assert pace.view({"pace": []}) is None
    alike = {"stage": "load", "words": "load", "seconds": 0.0, "samples": [[0.1, 0]]}
    assert pace.view({"pace": [alike]}) is not None, "no rows and no time are no fault"


def test_a_thousand_tables_make_small_pages(tmp_path: Path) -> None:
    place = staged(tmp_path)
    report.report(place, "many", "r1")
    told = place.read_json("report.json")
    html = tab(place)
    assert len(html) < 800_000 and html.count("/tables?name=") >= 1000
    gate = pages.gate(told, "extracted", PAGE)
    assert gate is not None and len(gate) < 300_000 and "page 1 of 10" in gate
    assert gate.index("table_0900") < gate.index("table_0001"), "those that warned come first"
    assert len(table(place, "table_0500")) < 20_000
    assert len(json.dumps(asdict(progress.read(place)))) < 10_000


def test_an_undo_has_a_report_of_its_own_and_the_undone_run_says_so(shop: Shop) -> None:
    from penstock.stages.switch import undo

    session = shop.run("r1")
    change(shop, "DELETE FROM customer WHERE id > 200")
    session = shop.run("r2")
    own = of(str(shop.folder / "staging"), "shop__undo", "u1")
    with run_log.stage(own, "undo"), run_log.stage(session.staging, "undo"):
        undo.undo(session, "ana", "u1")
    told = report.report_undo(own, session.staging, "shop", "u1", "r2", {"by": "ana", "note": "too few customers"})
    assert own.read_json("report.json") == told and told["outcome"] == "undone" and told["of"] == "r2"
    customer = next(p for p in told["put_back"] if p["live"] == "main.customer")
    assert customer["from"] and customer["aside"] and len(told["put_back"]) == 5
    assert len(shop.rows("customer")) == 300
    for html in (own.read_text("report.html"), pages.undo(told, progress.NOTHING, PAGE)):
        text = Tags(html).text
        assert "ana" in text and "too few customers" in text and customer["from"] in text and "r2" in text
    undone = Tags(session.staging.read_text("report.html")).text
    assert "requested by ana" in undone and "by the undo u1" in undone


def test_an_undo_that_is_refused_has_a_report_too(shop: Shop) -> None:
    from penstock.stages.switch import undo

    first = shop.run("r1")
    shop.run("r2")
    own = of(str(shop.folder / "staging"), "shop__undo", "u1")
    with pytest.raises(errors.SwitchRefused), run_log.stage(own, "undo"), run_log.stage(first.staging, "undo"):
        undo.undo(first)
    told = report.report_undo(own, first.staging, "shop", "u1", "r1", {"by": "", "note": ""})
    assert told["outcome"] == "failed" and told["put_back"] == [] and "can't be undone" in told["headline"]
    assert "undo the run r2 first" in Tags(own.read_text("report.html")).text


@pytest.mark.parametrize("kind", ["run", "undo", "repair"])
def test_a_run_that_no_task_has_begun_has_a_page_that_refreshes_itself(kind: str) -> None:
    dag_id = "shop" if kind == "run" else f"shop__{kind}"
    queued = RunPage(
        Addresses("/penstock"), dag_id, "r7", in_progress=True, queued=True, interval="2026-11-03", of_run="" if kind == "run" else "r3"
    )
    html = pages.unreported(None, progress.NOTHING, queued)
    text = " ".join(Tags(html).text.split())
    assert f'data-progress="/penstock/dags/{dag_id}/runs/r7/progress?seen=queued"' in html
    assert f"queued This {kind} waits until Airflow starts it." in text and "for 2026-11-03" in text
    assert (kind == "run") != ('href="/penstock/dags/shop/runs/r3/report"' in html)
    running = pages.unreported(None, progress.NOTHING, replace(queued, queued=False))
    assert f"This {kind} is running." in " ".join(Tags(running).text.split()) and "seen=running" in running


def test_a_run_that_ended_without_a_report_shows_its_fault_and_leads_to_the_logs(tmp_path: Path) -> None:
    place = of(str(tmp_path), "shop__undo", "u1")
    with pytest.raises(errors.SwitchRefused), run_log.stage(place, "undo"):
        raise errors.SwitchRefused("the old tables are gone", where="main.log", why="they were dropped", fix="restore a backup")
    page = RunPage(Addresses("/penstock"), "shop__undo", "u1", failed_tasks=("undo",))
    html = pages.unreported(run_log.FAILURE.read(place), progress.read(place), page)
    text = Tags(html).text
    assert all(part in text for part in ("the old tables are gone", "main.log", "they were dropped", "restore a backup"))
    assert 'href="/dags/shop__undo/runs/u1/tasks/undo"' in html and "data-progress" not in html


DAYS = "schedule: '@daily'\nstart_date: 2024-03-01\ntimezone: Europe/Berlin"
PARTED = "  include: [customer, log, nothing]\n  customer: {partition: {by: at}}"


def daily(shop: Shop, day: int, run_id: str) -> Any:
    """A run of one day of the shop's customers, and of two whole tables."""
    between = intervals.between(f"2024-03-{day:02}", f"2024-03-{day + 1:02}", "Europe/Berlin")
    return shop.run(run_id, shop.write(PARTED, DAYS), interval=between)


def test_the_interval_is_in_the_title_and_the_verdict_and_the_switch_says_what_it_did_with_each_table(shop: Shop) -> None:
    daily(shop, 3, "r1")
    daily(shop, 4, "r2")
    change(shop, "DELETE FROM customer WHERE id = 3")
    daily(shop, 4, "r3")
    told = reported(shop, "r3")
    assert told["interval"] == ["2024-03-03T23:00:00Z", "2024-03-04T23:00:00Z"] and told["timezone"] == "Europe/Berlin"
    rows = {t["table"]: (t["change"], t["rows_in"], t["rows_out"]) for t in told["switch"]["tables"]}
    assert rows == {"customer": ("rows replaced", 10, 11), "log": ("swapped", None, None), "nothing": ("swapped", None, None)}
    first = {t["table"]: t["change"] for t in reported(shop, "r1")["switch"]["tables"]}
    assert first == {"customer": "created", "log": "created", "nothing": "created"}
    for html in (tab(area(shop, "r3")), area(shop, "r3").read_text("report.html"), table(area(shop, "r3"), "customer")):
        assert re.search(r"<title>shop 2024-03-04: ", html) and "for <b>2024-03-04</b>" in html
    html = tab(area(shop, "r3"))
    assert "2024-03-04:</span> <span>3 tables with" in html
    assert re.search(r'rows replaced</td>\s*<td class="n">10</td><td class="n">11</td>', html)


def test_an_undo_of_an_interval_says_which_and_how_many_rows_it_put_back(shop: Shop) -> None:
    from penstock.stages.switch import undo

    daily(shop, 3, "r1")
    session = daily(shop, 4, "r2")
    own = of(str(shop.folder / "staging"), "shop__undo", "u1")
    with run_log.stage(own, "undo"), run_log.stage(session.staging, "undo"):
        undo.undo(session, "ana", "u1")
    told = report.report_undo(own, session.staging, "shop", "u1", "r2", {"by": "ana", "note": ""})
    assert told["headline"] == "The switch of the run r2 for 2024-03-04 was undone: 3 tables are restored."
    words = {p["live"]: p["words"] for p in told["put_back"]}
    assert words["main.customer"] == "the previous rows of this interval are restored: 0 rows restored, 11 rows deleted"
    assert words["main.log"] == "the table that was live before is live again"
    page = pages.undo(told, progress.NOTHING, replace(PAGE, dag_id="shop__undo"))
    assert "<title>shop 2024-03-04: undo undone" in page and "11 rows deleted" in Tags(page).text


def test_the_undo_of_a_first_run_does_not_say_that_old_tables_are_live_again(shop: Shop) -> None:
    from penstock.stages.switch import undo

    session = shop.run("r1")
    own = of(str(shop.folder / "staging"), "shop__undo", "u1")
    with run_log.stage(own, "undo"):
        undo.undo(session)
    told = report.report_undo(own, session.staging, "shop", "u1", "r1", {"by": "", "note": ""})
    assert told["headline"] == "The switch of the run r1 was undone: 5 tables that it had created are no longer live."
    assert reported(shop, "r1")["headline"] == "The switch of this run was undone: 5 tables that this run had created are no longer live."


def test_an_undo_that_finds_no_switch_has_a_report_that_says_so(tmp_path: Path) -> None:
    own = of(str(tmp_path), "shop__undo", "u1")
    with pytest.raises(errors.SwitchRefused), run_log.stage(own, "undo"):
        raise errors.SwitchRefused("shop has no switch to undo", why="nothing was switched", fix="look at penstock_switches")
    told = report.report_undo(own, None, "shop", "u1", "", {"by": "ana", "note": ""})
    for html in (own.read_text("report.html"), pages.undo(told, progress.NOTHING, PAGE)):
        text = Tags(html).text
        assert (
            "Shop has no switch to undo. The undo was not performed" in text and "nothing was switched" in text and "none was found" in text
        )


def test_a_run_refused_before_its_plan_has_the_interval_that_it_was_asked_for(shop: Shop) -> None:
    migration = shop.write("  include: [customer, no_such_table]\n  customer: {partition: {by: at}}", DAYS)
    with pytest.raises(errors.PreflightFailed):
        shop.run("r1", migration, interval=intervals.between("2024-03-04", "2024-03-05", "Europe/Berlin"))
    told = reported(shop, "r1")
    assert told["interval"] == ["2024-03-03T23:00:00Z", "2024-03-04T23:00:00Z"]
    assert "<title>shop 2024-03-04: failed" in tab(area(shop, "r1"))
    (cell,) = [c for c in coverage.cover(shop.request(migration=shop.write(PARTED, DAYS))) if c.state == "failed"]
    assert (cell.table, cell.run) == ("customer", "r1") and str(cell.interval) == "2024-03-03T23:00:00Z..2024-03-04T23:00:00Z"


def test_a_table_s_name_and_its_part_do_not_run_together(shop: Shop) -> None:
    daily(shop, 4, "r1")
    assert "customer at from" in " ".join(Tags(area(shop, "r1").read_text("report.html")).text.split())


def test_the_rate_is_over_the_time_of_work_on_rows(shop: Shop) -> None:
    session = shop.run("r1")
    for stage, late in (("approve", 0), ("switch", 7200)):  # two hours between them, and a switch that waits an hour for its turn
        at = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=late)
        timing = {"stage": stage, "label": "", "started": at.isoformat(), "seconds": 3600.0 if stage == "switch" else 1.0}
        session.staging.write_json(timing, "timings", f"{stage}.json")
    totals = report.report(session.staging, "shop", "r1")["totals"]
    assert totals["seconds"] > 3600 > 60 > totals["work_seconds"] > 0
    assert totals["rows_per_second"] == pytest.approx(totals["rows_read"] / totals["work_seconds"], rel=0.01)


def test_the_table_page_needs_no_staged_rows(shop: Shop) -> None:
    shop.run()  # which has removed its row files at its end
    place = area(shop, "r1")
    assert not list(Path(shop.folder / "staging").rglob("*.parquet"))
    place.write_json({"rows": "2026-11-30T01:02:03+00:00"}, "removed.json")
    report.report(place, "shop", "r1")
    after = Tags(table(place, "customer")).text
    assert "removed on 2026-11-30 01:02:03 UTC" in after and "all rows300300" in after.replace(" ", "").replace("allrows", "all rows")
