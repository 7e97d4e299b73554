"""The report: there in every case, saying what happened, inert whatever the names and values in it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from html.parser import HTMLParser
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from penstock.errors import GateClosed, NotApproved, PreflightFailed, Problem
from penstock.reporting.html import filters
from penstock.reporting.html import report as reports
from penstock.runtime import events, formatting
from penstock.stages import extract, plan, report, transform
from penstock.state import journal, run_log
from penstock.state.run_context import RunContext
from penstock.state.staging import Staging, of
from tests.support.data.shop import Shop

HOSTILE = "</title></style><script>alert(\"1\")</script><img src=x onerror='alert(2)'>\u202e"
SHOWN = HOSTILE.replace("\u202e", "\\u202e")
"""As pages show it: what reorders text is written as its code."""


class Tags(HTMLParser):
    """The tags of a page, their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


def planned(shop: Shop, tables: str = "", extra: str = "", run: str = "r1") -> RunContext:
    """A run that is planned and extracted by the engine: what follows is written by hand."""
    migration = shop.write(tables, extra)
    area = of(str(shop.folder / "staging"), "shop", run)
    secrets = {"mask_key": "0" * 32}
    with run_log.stage(area, "plan"):
        session = plan.plan(shop.request(run, migration, secrets=secrets))
    with run_log.stage(area, "extract"):
        extract.extract(session, [t.name for t in session.plan.tables])
    if session.plan.transformed:
        with run_log.stage(area, "transform"):
            transform.transform(session, [(t.name, c.number) for t in session.plan.transformed for c in t.chunks])
    return session


def outcome(**changes: Any) -> dict[str, Any]:
    usual = {"code": "c", "type": "expect_column_values_to_not_be_null", "columns": ["id"], "severity": "critical", "success": True}
    return usual | {"crashed": False, "expected": "not NULL", "observed": "", "unexpected": 0, "elements": 3} | changes


def decide(session: RunContext, stage: str, decision: str = "go", **changes: Any) -> None:
    result = outcome(success=decision == "go", **changes)
    verdicts = [
        {"table": t.name, "stage": stage, "suite": f"{t.name}.{stage}", "suite_sha256": None, "decision": decision, "seconds": 0.5}
        | {"results": [result]}
        for t in session.plan.tables
    ]
    session.staging.write_json(verdicts, "verdicts", f"{stage}.json")


def prove(session: RunContext, **changes: Any) -> None:
    proofs = []
    for table in session.plan.tables:
        receipts = [r for c in table.chunks if (r := session.staging.receipt("extracted", table.name, c.number))]
        digest = f"{sum(r.rows for r in receipts)}:{'ab' * 16}"
        rows = sum(r.rows for r in receipts)
        proof = {"table": table.name, "source": digest, "staged": digest, "target": digest, "chunks": len(table.chunks), "rows_read": rows}
        proof |= {"filtered": 0, "rejected": 0, "rows": rows, "balanced": True, "seal": None, "seconds": 0.1, "load_seconds": 0.2}
        proofs.append(proof | {"broken": "", "faults": [], "holds": True} | changes)
    session.staging.write_json(proofs, "proof.json")


def switched(session: RunContext) -> None:
    moves = [[str(t.target.name), str(t.shadow), None] for t in session.plan.tables]
    made = {"state": "switched", "at": journal.now(), "token": "t", "keep_until": journal.now(), "moves": moves}
    session.staging.write_json(made, "switch.json")


def whole(shop: Shop, **options: Any) -> RunContext:
    """A run with every record there can be, up to the switch."""
    session = planned(shop, **options)
    for stage in ("extracted", "transformed", "loaded"):
        decide(session, stage)
    prove(session)
    for stage in ("gate_extracted", "prepare", "load", "build", "gate_loaded", "prove", "switch", "verify", "finish"):
        with run_log.stage(session.staging, stage):
            pass
    session.staging.write_json({"approved": True, "answer": "Approve", "by": "ana", "at": journal.now()}, "approval.json")
    switched(session)
    return session


def fail(area: Staging, stage: str, error: Exception) -> None:
    with pytest.raises(type(error)), run_log.stage(area, stage):
        raise error


def written(area: Staging) -> tuple[dict[str, Any], str]:
    return report.report(area, "shop", "r1"), area.read_text("report.html")


def test_a_whole_run_is_reported_with_its_figures(shop: Shop) -> None:
    session = whole(shop, tables='  customer: {to: person, transform: [{rename: {at: seen_at}}, {filter: "id > 100"}]}')
    found, html = written(session.staging)
    assert found["outcome"] == "switched"
    customer = next(t for t in found["tables"] if t["table"] == "customer")
    assert (customer["rows_read"], customer["rows_filtered"], customer["to"]) == (300, 100, "main.person")
    assert customer["transforms"] == ["rename at → seen_at", "filter id > 100"]
    assert customer["bytes"] == sum(
        session.staging.receipt(s, "customer", 0).bytes
        for s in ("extracted", "transformed")  # type: ignore[union-attr]
    )
    assert found["totals"]["rows_read"] == sum(t["rows_read"] for t in found["tables"]) == 2197
    assert [s["stage"] for s in found["stages"]][:5] == ["plan", "extract", "gate_extracted", "transform", "gate_transformed"]
    text = Tags(html).text
    for said in ("2,197", "rename at → seen_at", "ana", "penstock undo shop.yaml", "SQLite", "DuckDB", "main.person"):
        assert said in text, said


def test_report_json_is_what_was_answered_and_says_its_version(shop: Shop) -> None:
    area = whole(shop).staging
    found = report.report(area, "shop", "r1")
    assert area.read_json("report.json") == found
    assert found["report"] == 2


def test_a_run_that_never_had_a_plan_has_a_report(tmp_path: Path) -> None:
    area = of(str(tmp_path), "shop", "r1")
    fail(area, "plan", PreflightFailed("shop can't run", problems=[Problem(True, "table order", "no such table", "write 'orders'")]))
    found, html = written(area)
    assert found["outcome"] == "failed" and found["tables"] == []
    assert "table order: no such table — write 'orders'" in Tags(html).text


def test_an_empty_staging_area_has_a_report(tmp_path: Path) -> None:
    found, html = written(of(str(tmp_path), "shop", "r1"))
    assert found["outcome"] == "unfinished" and "No stage has completed yet" in html


@pytest.mark.parametrize("missing", [*combinations(("timings", "verdicts", "proof.json", "switch.json", "extracted", "approval.json"), 2)])
def test_whichever_records_are_missing_there_is_a_report(shop: Shop, missing: Iterable[str]) -> None:
    area = whole(shop, extra="switch: {approval: true}").staging
    for name in missing:
        (area.remove if name.endswith(".json") else area.delete)(name)
    found, html = written(area)
    unswitched = "unfinished" if "proof.json" in missing else "proved, not switched"
    assert found["outcome"] == (unswitched if "switch.json" in missing else "switched")
    assert html.rstrip().endswith("</html>")


def test_a_failed_run_begins_with_what_failed_and_what_to_do(shop: Shop) -> None:
    session = planned(shop)
    decide(session, "extracted", "stop", unexpected=7)
    error = GateClosed("the gate after extracted stays closed", "table log", "7 rows", "mend the source", "extracted", ["log.id: 7 of 100"])
    fail(session.staging, "gate_extracted", error)
    found, html = written(session.staging)
    assert found["outcome"] == "failed" and found["headline"].startswith("The gate after extracted stays closed.")
    assert "the live tables are unchanged" in found["headline"]
    places = [html.index(part) for part in ("<h1>", "mend the source", "log.id: 7 of 100", "<svg", 'id="tables"', 'id="gates"')]
    assert places == sorted(places)
    states = {s["stage"]: s["state"] for s in found["stages"]}
    assert (states["extract"], states["gate_extracted"], states["load"]) == ("done", "failed", "next")


def test_gates_are_collapsed_when_open_and_shown_when_not(shop: Shop) -> None:
    session = planned(shop)
    decide(session, "extracted")
    decide(session, "loaded", "warn", severity="warning")
    found, html = written(session.staging)
    assert [g["state"] for g in found["gates"]] == ["open", "warned"]
    assert html.count("<details>") == 1 and html.count("<details open>") == 1


def test_outcomes_are_told_apart(shop: Shop) -> None:
    session = planned(shop, extra="switch: {approval: true}")
    area = session.staging
    assert written(area)[0]["outcome"] == "unfinished"
    prove(session)
    assert written(area)[0]["outcome"] == "proved, not switched" and "The switch waits for approval" in written(area)[1]
    area.write_json({"approved": False, "answer": "Reject", "by": "bo", "at": journal.now()}, "approval.json")
    fail(area, "switch", NotApproved("the switch was not approved"))
    assert written(area)[0]["outcome"] == "not approved"
    area.remove("failure.json")
    area.remove("approval.json")
    switched(session)
    fail(area, "verify", ValueError("a row said 'secret'"))
    assert written(area)[0]["outcome"] == "failed" and "The switch itself was performed" in written(area)[0]["headline"]
    assert "secret" not in written(area)[1]
    area.remove("failure.json")
    fail(area, "undo", ValueError())
    assert written(area)[0]["outcome"] == "switched" and "A later undo failed" in written(area)[0]["headline"]
    area.write_json({"state": "undone", "at": journal.now(), "statements": [], "written_since": ["main.log"], "token": "t"}, "undo.json")
    assert written(area)[0]["outcome"] == "undone" and "main.log" in written(area)[1]


def test_hostile_names_and_values_are_inert(tmp_path: Path) -> None:
    quoted = HOSTILE.replace('"', '""')
    with sqlite3.connect(tmp_path / "s.sqlite") as db:
        db.execute(f'CREATE TABLE "{quoted}" (id INTEGER PRIMARY KEY, "c{quoted}" TEXT)')
        db.execute(f"INSERT INTO \"{quoted}\" VALUES (1, 'x')")
    shop = Shop(tmp_path, sa.make_url(f"sqlite:///{tmp_path}/s.sqlite"), sa.make_url(f"duckdb:///{tmp_path}/t.duckdb"))
    session = planned(shop)
    decide(session, "extracted", "stop", columns=[HOSTILE], observed=HOSTILE, expected=HOSTILE, code=HOSTILE, severity=HOSTILE)
    fault = {"fault": HOSTILE, "table": HOSTILE, "key": HOSTILE, "column": HOSTILE, "staged": HOSTILE, "target": HOSTILE}
    prove(session, holds=False, broken=HOSTILE, target=HOSTILE, faults=[fault])
    switched(session)
    session.staging.write_json({"approved": True, "answer": HOSTILE, "by": HOSTILE, "at": journal.now()}, "approval.json")
    fail(session.staging, "prove", GateClosed(HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, [HOSTILE]))
    found, html = written(session.staging)
    clean = Tags(reports.document({**found, "migration": "m"}))
    assert clean.text.count(SHOWN) > 20 and "\u202e" not in clean.text
    assert not {"script", "img", "iframe", "object", "embed", "link", "base", "form"} & set(clean.tags)
    assert not [name for name, _ in clean.attributes if name.startswith("on") or name in ("src", "href", "srcset", "srcdoc")]
    assert html.count("<script") == 0 and html.count("</style>") == 1


def test_the_page_fetches_nothing(shop: Shop) -> None:
    html = written(whole(shop).staging)[1]
    found = Tags(html)
    assert not {"script", "link", "img", "iframe"} & set(found.tags)
    for word in ("http", "url(", "@import", "src=", "href="):
        assert word not in html.replace(str(shop.folder), ""), word


def test_values_given_for_a_sensitive_column_are_withheld(shop: Shop) -> None:
    steps = "[{fill: {email: geheim@example.com}}, {mask: {email: sha256}}, {fill: {name: nobody}}]"
    session = whole(shop, tables=f"  customer: {{transform: {steps}, sensitive: [email]}}")
    found, html = written(session.staging)
    assert "geheim" not in json.dumps(found) + html
    assert found["tables"][0]["transforms"][1:] == ["mask email by sha256", "fill name with nobody"]


def test_a_thousand_tables_make_a_page_a_browser_can_show(shop: Shop) -> None:
    found = report.report(whole(shop).staging, "shop", "r1")
    many = 1000 // len(found["tables"])
    found["tables"] *= many
    found["proof"]["tables"] *= many
    for gate in found["gates"]:
        gate["verdicts"] *= many
    html = reports.document(found)
    assert html.count('<tr class="suite">') == 1000 * len(found["gates"])
    assert len(html) < 5_000_000


def test_proof_shows_equal_digests_once_and_a_different_one_beside(shop: Shop) -> None:
    same, other = f"3:{'a' * 32}", f"3:{'b' * 32}"
    ledger = {"source": same, "staged": same, "target": same}
    assert filters.ledger(ledger) == [("source = staged = target", same, True)]
    assert filters.ledger(ledger | {"source": other}) == [("source", other, True), ("staged = target", same, True)]
    assert filters.ledger(ledger | {"target": other}) == [("source = staged", same, True), ("target", other, False)]


def test_tasks_beside_each_other_count_their_seconds_once(tmp_path: Path) -> None:
    area = of(str(tmp_path), "shop", "r1")
    for label, began, seconds in (("a", "12:00:00", 10.0), ("b", "12:00:05", 10.0), ("c", "13:00:00", 1.0)):
        timing = {"stage": "extract", "label": label, "started": f"2026-11-23T{began}+00:00", "seconds": seconds}
        area.write_json(timing, "timings", f"{label}.json")
    found = report.report(area, "shop", "r1")
    stage = next(s for s in found["stages"] if s["stage"] == "extract")
    assert (stage["seconds"], stage["tasks"], found["totals"]["seconds"]) == (16.0, 3, 16.0)


def test_writing_a_report_is_an_event(tmp_path: Path) -> None:
    seen: list[tuple[str, dict[str, Any]]] = []
    with events.subscribed(lambda name, facts: seen.append((name, facts))):
        report.report(of(str(tmp_path), "shop", "r1"), "shop", "r1")
    assert [(name, facts["outcome"]) for name, facts in seen] == [("report.written", "unfinished")]


def test_figures_are_written_as_people_read_them() -> None:
    assert [formatting.number(n) for n in (None, 0, 1234567)] == ["—", "0", "1,234,567"]
    assert [formatting.size(n) for n in (None, 0, 1023, 1024, 10_485_760, 1 << 41)] == [
        "—",
        "0 B",
        "1023 B",
        "1.0 KiB",
        "10.0 MiB",
        "2.0 TiB",
    ]
    spans = ["—", "0.04 s", "4.2 s", "1 min 00 s", "5 min 03 s", "2 h 05 min"]
    assert [formatting.seconds(n) for n in (None, 0.042, 4.17, 59.97, 303.2, 7500)] == spans
    assert formatting.instant("2026-11-23T18:27:50.5+01:00") == "2026-11-23 17:27:50 UTC"
    assert (formatting.count(1, "row"), formatting.count(2000, "row")) == ("1 row", "2,000 rows")
