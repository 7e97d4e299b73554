"""The summary of a run: what a list of a thousand runs shows, small whatever the run was."""

from __future__ import annotations

import json
from pathlib import Path

from penstock.errors import GateClosed
from penstock.reporting.summary import summary
from penstock.stages import report
from penstock.state.staging import of
from tests.support.data.shop import Shop
from tests.unit.reporting.test_report import decide, fail, planned, prove, whole

NAMES = {"migration", "run", "outcome", "headline", "stage", "started", "written", "interval", "tables", "rows_read", "rows_loaded"}
NAMES |= {"rows_rejected", "bytes", "seconds", "work_seconds", "rows_per_second", "timezone", "gates", "proof", "approval", "staging"}


def test_a_run_that_switched_is_summed_up_in_a_line(shop: Shop) -> None:
    session = whole(shop)
    found = summary(report.report(session.staging, "shop", "r1"), session.staging.url)
    assert found.keys() == NAMES
    assert (found["outcome"], found["stage"], found["proof"], found["approval"]) == ("switched", "finish", "holds", "Approve")
    assert (found["tables"], found["rows_read"], found["rows_loaded"]) == (5, 2197, 2197)
    assert found["gates"] == {"extracted": "open", "loaded": "open"} and found["staging"] == session.staging.url


def test_a_closed_gate_is_the_last_stage_reached(shop: Shop) -> None:
    session = planned(shop)
    decide(session, "extracted", "stop")
    fail(session.staging, "gate_extracted", GateClosed("the gate after extracted stays closed", stage="extracted"))
    found = summary(report.report(session.staging, "shop", "r1"), "s3://x/shop/r1")
    assert (found["outcome"], found["stage"], found["proof"]) == ("failed", "gate_extracted", None)
    assert found["gates"] == {"extracted": "closed", "loaded": "not reached"}


def test_an_approval_that_nobody_gave_yet_is_awaited(shop: Shop) -> None:
    session = planned(shop, extra="switch: {approval: true}")
    prove(session)
    assert summary(report.report(session.staging, "shop", "r1"), "")["approval"] == "awaited"


def test_a_run_that_never_had_a_plan_is_summed_up(tmp_path: Path) -> None:
    found = summary(report.report(of(str(tmp_path), "shop", "r1"), "shop", "r1"), "")
    assert found.keys() == NAMES
    assert (found["outcome"], found["stage"], found["tables"], found["rows_read"]) == ("unfinished", None, 0, None)


def test_a_summary_is_small_however_many_tables_there_are(shop: Shop) -> None:
    found = report.report(whole(shop).staging, "shop", "r1")
    found["tables"] *= 200
    assert len(json.dumps(summary(found, "s3://bucket/shop/r1"))) < 2000
