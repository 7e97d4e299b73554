"""In a real Chromium, against a real Airflow: a migration is started, watched, approved, read and undone; hostile names stay text.

Screenshots are kept in artefacts/.
"""

from __future__ import annotations

import re
import urllib.error
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, expect

from tests.support.servers.browser import Person, person
from tests.support.servers.real_airflow import ARTEFACTS, HOSTILE_TABLE, RealAirflow

APPROVED = "shop_approved"


def begin(real_airflow: RealAirflow) -> None:
    real_airflow.begun["switched"] = real_airflow.trigger("shop")
    real_airflow.begun["refused"] = real_airflow.trigger("shop", tables=["order", "no_such_table"])
    real_airflow.begun["hostile"] = real_airflow.trigger("hostile")


@pytest.fixture(scope="module")
def switched(real_airflow: RealAirflow) -> str:
    """A run of `shop` that has switched."""
    run = real_airflow.ended("shop", real_airflow.begun["switched"])
    assert run["state"] == "success"
    return str(run["dag_run_id"])


@pytest.fixture(scope="module")
def hostile(real_airflow: RealAirflow) -> str:
    """A run that has moved a table whose name, column and value would do harm where they were not kept in."""
    run = real_airflow.ended("hostile", real_airflow.begun["hostile"])
    assert run["state"] == "success"
    return str(run["dag_run_id"])


def test_a_person_starts_a_migration_by_its_form_watches_it_approves_it_and_reads_its_report(
    chromium: Browser, real_airflow: RealAirflow
) -> None:
    op = person(chromium, real_airflow)
    op.log_in("op", real_airflow.airflow.passwords["op"])
    op.go(f"/dags/{APPROVED}")
    op.page.get_by_role("button", name="Trigger").click()
    form = op.page.get_by_role("dialog")
    form.locator("input[name=element_chunk]").fill("1MiB")
    op.shot("1-form")
    form.get_by_role("button", name="Trigger").click()
    op.page.wait_for_url(re.compile(rf"/dags/{APPROVED}/runs/"))
    run_id = real_airflow.airflow.ask(f"/api/v2/dags/{APPROVED}/dagRuns?order_by=-run_after")["dag_runs"][0]["dag_run_id"]
    op.shot("2-watched")
    op.leave()
    real_airflow.asked(APPROVED, run_id)
    op.go("/required_actions")
    op.page.get_by_role("row").filter(has_text=run_id).get_by_role("link", name=f"Switch {APPROVED} (run ").click()
    expect(op.page.get_by_role("cell", name="holds")).to_be_visible()
    op.shot("3-approval")
    op.page.get_by_role("button", name="Approve").click()
    ended = real_airflow.ended(APPROVED, run_id)
    assert (ended["state"], ended["conf"]["chunk"]) == ("success", "1MiB")
    report = op.report(APPROVED, run_id)
    expect(report.locator("main")).to_contain_text("1 table with 100 rows is live")
    expect(report.locator("main")).to_contain_text("Approve by op")
    op.shot("4-report")
    assert op.told == []


def test_a_task_leads_to_its_part_of_the_report(admin: Person, switched: str) -> None:
    admin.go(f"/dags/shop/runs/{quote(switched, safe='')}/tasks/gate_loaded/details")
    admin.page.get_by_role("link", name="Migration report").click()
    admin.page.wait_for_url(re.compile(r"/gates/loaded$"))
    expect(admin.framed().locator("main")).to_contain_text("order")
    admin.shot("5-from-a-task")


def test_an_undo_is_started_from_the_report_and_watched_to_its_end(admin: Person, real_airflow: RealAirflow, switched: str) -> None:
    there = "SELECT to_regclass('\"order\"') IS NOT NULL"
    assert real_airflow.live(there) == [(True,)]
    answers: list[tuple[int, str]] = []
    admin.page.on("response", lambda answer: answers.append((answer.status, answer.url)) if "/penstock/" in answer.url else None)
    report = admin.report("shop", switched)
    decision = report.locator("details", has_text="Undo the switch")
    decision.locator("summary").click()
    decision.get_by_label("Reason").fill("a test")
    decision.get_by_role("button", name="Undo the switch").click()
    report.wait_for_url(re.compile("/dags/shop__undo/runs/"))
    began = report.locator("h1").inner_text()
    admin.shot("6-undo-begun")
    assert re.match("(queued|running) This undo ", began), began
    expect(report.locator("h1")).to_contain_text("was undone: 1 table that it had created is no longer live")  # nobody has loaded it anew
    assert real_airflow.live(there) == [(False,)]
    expect(report.locator("main")).to_contain_text("a test (from the report, by admin)")
    assert [told for told in answers if told[0] >= 400] == []
    admin.shot("6-undone")


def test_an_undo_that_is_refused_says_why(admin: Person, real_airflow: RealAirflow, switched: str) -> None:
    refused = real_airflow.run("shop__undo", run=switched)
    assert refused["state"] == "failed"
    shown = admin.report("shop__undo", refused["dag_run_id"]).locator("main")
    expect(shown).to_contain_text("undo failed")
    expect(shown).to_contain_text(f"the run {switched} is undone already")
    admin.shot("6-undo-refused")


def pages(dag_id: str, run: str, table: str) -> dict[str, str]:
    """Our pages about a run, where they are shown."""
    run = quote(run, safe="")
    return {
        "Migrations": "/plugin/migrations",
        "Migration": f"/dags/{dag_id}/plugin/migration",
        "report": f"/dags/{dag_id}/runs/{run}/plugin/migration_report",
        "table": f"/penstock/dags/{dag_id}/runs/{run}/tables?name={quote(table, safe='')}",
        "gate": f"/penstock/dags/{dag_id}/runs/{run}/gates/loaded",
    }


RUN = "/penstock/dags/shop/runs/a"
ROUTES = ["/penstock/", "/penstock/dags/shop", "/penstock/static/penstock.css"]
ROUTES += [f"{RUN}/{page}" for page in ("report", "report.html", "report.json", "tables?name=order", "gates/loaded", "progress")]


@pytest.mark.parametrize("route", ROUTES)
def test_without_a_login_nothing_is_answered(real_airflow: RealAirflow, route: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        real_airflow.airflow.ask(route, user=None)
    assert refused.value.code == 401


def test_a_connection_is_added_by_the_form_and_its_test_says_what_answered(admin: Person, real_airflow: RealAirflow) -> None:
    admin.go("/connections")
    admin.page.get_by_role("button", name="Add Connection").click()
    form = admin.page.get_by_role("dialog")
    form.locator("input[name=connection_id]").fill("added")
    form.get_by_role("combobox").click()
    admin.page.get_by_role("option", name="SQLite").click()
    expect(form.locator("input[name=port]")).to_have_count(0)
    form.get_by_placeholder("/data/shop.sqlite").fill(str(real_airflow.source))
    admin.shot("connection-form")
    form.get_by_role("button", name="Save").click()
    admin.page.get_by_role("row").filter(has_text="added").get_by_role("button", name="Test Connection").click()
    expect(admin.page.get_by_text(f"Connected to SQLite at sqlite:///{real_airflow.source}")).to_be_visible()


def test_who_may_only_look_starts_nothing(real_airflow: RealAirflow) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        real_airflow.airflow.ask("/penstock/dags/shop__undo/start", {}, user="viewer")
    assert refused.value.code == 403


def test_hostile_names_and_values_stay_text(admin: Person, hostile: str) -> None:
    for name, path in pages("hostile", hostile, HOSTILE_TABLE).items():
        shown = admin.shown(path)
        assert shown.locator("img[src=x], script:not([src])").count() == 0, name
        if name in ("report", "table", "gate"):
            expect(shown.get_by_text(HOSTILE_TABLE).first).to_be_attached()
        admin.shot(f"7-hostile-{name}")
    for task in ("extract/mapped", "load/mapped", "gate_loaded"):
        admin.go(f"/dags/hostile/runs/{quote(hostile, safe='')}/tasks/{task}")
        admin.page.wait_for_load_state("networkidle")
    assert admin.told == []


def test_every_link_of_the_migrations_page_is_reached_by_keyboard(admin: Person, switched: str) -> None:
    admin.go("/penstock/")
    wanted = admin.page.locator("main a").count()
    assert wanted
    reached = []
    for _ in range(wanted + 10):
        admin.page.keyboard.press("Tab")
        reached.append(admin.page.evaluate("() => document.activeElement.getAttribute('href')"))
    assert reached[0] == "#content"
    assert set(admin.page.locator("main a").evaluate_all("links => links.map(l => l.getAttribute('href'))")) <= set(reached)


UNLABELLED = """() => {
  const named = e => e.getAttribute("aria-label") || e.getAttribute("aria-labelledby") || e.querySelector(":scope > title") || e.textContent.trim() || e.getAttribute("title");
  const hidden = e => e.closest("[aria-hidden=true]");
  const faults = [];
  for (const e of document.querySelectorAll("img")) if (!e.hasAttribute("alt")) faults.push("img without alt");
  for (const e of document.querySelectorAll("svg")) if (!hidden(e) && !(e.getAttribute("role") === "img" && named(e))) faults.push("svg without a name: " + e.outerHTML.slice(0, 80));
  for (const e of document.querySelectorAll("a, button, summary")) if (!named(e) && !e.querySelector("[aria-label], title")) faults.push("nothing to read: " + e.outerHTML.slice(0, 80));
  for (const e of document.querySelectorAll("input:not([type=hidden]), select, textarea")) if (!e.labels.length && !named(e)) faults.push("field without label: " + e.outerHTML.slice(0, 80));
  for (const e of document.querySelectorAll("th")) if (!hidden(e) && !named(e) && !e.querySelector("*")) faults.push("empty column head");
  const levels = [...document.querySelectorAll("h1, h2, h3, h4")].map(h => +h.tagName[1]);
  if (levels[0] !== 1 || levels.filter(l => l === 1).length !== 1) faults.push("headings begin with " + levels[0] + ", h1 " + levels.filter(l => l === 1).length + " times");
  levels.forEach((l, n) => { if (n && l > levels[n - 1] + 1) faults.push("heading skips to h" + l); });
  const ids = [...document.querySelectorAll("[id]")].map(e => e.id);
  ids.forEach((id, n) => { if (ids.indexOf(id) !== n) faults.push("id twice: " + id); });
  if (!document.documentElement.lang) faults.push("no language");
  if (!document.querySelector("main")) faults.push("no main");
  return faults;
}"""


@pytest.mark.parametrize("name", pages("", "", ""))
def test_pages_are_labelled_and_their_headings_in_order(admin: Person, switched: str, name: str) -> None:
    assert admin.shown(pages("shop", switched, "order")[name]).evaluate(UNLABELLED) == []


# What of a page does not fit: the page itself, a column so narrow that words break letter by letter, and what would have to be scrolled.
CRAMPED = """() => {
  const root = document.documentElement, faults = [];
  if (root.scrollWidth > root.clientWidth) faults.push(`the page is ${root.scrollWidth} wide in ${root.clientWidth}`);
  for (const c of document.querySelectorAll("td, th")) {
    const text = c.innerText.trim(), width = c.getBoundingClientRect().width;
    if (width && text.length > 6 && width < 48) faults.push(`${width} px for ${text.slice(0, 40)}`);
  }
  return faults;
}"""
CUT_OFF = (
    """() => [...document.querySelectorAll(".wide")].filter(w => w.scrollWidth > w.clientWidth + 1).map(w => w.innerText.slice(0, 60))"""
)


@pytest.fixture(scope="module")
def refused(real_airflow: RealAirflow) -> str:
    """A run that preflight has refused, with an assessment of several lines."""
    run = real_airflow.ended("shop", real_airflow.begun["refused"])
    assert run["state"] == "failed"
    return str(run["dag_run_id"])


@pytest.mark.parametrize("width", [1440, 390])
def test_every_page_fits_its_window(admin: Person, real_airflow: RealAirflow, switched: str, refused: str, width: int) -> None:
    undo = real_airflow.airflow.ask("/api/v2/dags/shop__undo/dagRuns")["dag_runs"][0]["dag_run_id"]
    places = {name: path for name, path in pages("shop", switched, "order").items() if path.startswith("/penstock/")}
    places |= {name: f"/penstock/dags/{dag}" for name, dag in (("Migration", "shop"),)} | {"Migrations": "/penstock/"}
    for name, dag, run in (("report", "shop", switched), ("refused", "shop", refused), ("undo", "shop__undo", undo)):
        places[name] = f"/penstock/dags/{dag}/runs/{quote(run, safe='')}/report"
    before = admin.page.viewport_size
    admin.page.set_viewport_size({"width": width, "height": 900})
    try:
        for name, path in places.items():
            shown = admin.shown(path)
            assert shown.evaluate(CRAMPED) == [], name
            assert width < 1440 or shown.evaluate(CUT_OFF) == [], name
            admin.page.screenshot(path=ARTEFACTS / f"8-{name}-{width}.png", full_page=True)
    finally:
        admin.page.set_viewport_size(before or {"width": 1360, "height": 850})
