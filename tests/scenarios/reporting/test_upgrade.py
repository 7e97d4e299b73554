"""Reports that earlier versions wrote are still shown, and still compared with."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from penstock.reporting.html import run as pages
from penstock.reporting.html.addresses import Addresses
from penstock.reporting.html.report import document, undo_document
from penstock.reporting.html.run import RunPage
from penstock.reporting.one_table import one_table
from penstock.reporting.sections.changes import compare
from penstock.reporting.upgrade import VERSION, upgraded
from penstock.state import progress
from penstock.state.staging import of
from tests.scenarios.reporting.test_changes import reported
from tests.support.data.shop import Shop
from tests.support.repository import REPO
from tests.unit.reporting.test_report import Tags

PAGE = RunPage(Addresses("/penstock"), "shop", "r2")


def saved(name: str) -> dict[str, Any]:
    """A report as version 1 wrote it."""
    found: dict[str, Any] = json.loads((REPO / "tests" / "support" / "data" / "reports" / f"version_1_{name}.json").read_text())
    assert found["report"] == 1
    return found


def keys(record: Any, path: str = "") -> set[str]:
    """The keys of a record and of the records in it, each with its path."""
    if isinstance(record, list):
        return set().union(*(keys(part, path) for part in record))
    return set().union(*({f"{path}.{k}"} | keys(v, f"{path}.{k}") for k, v in record.items())) if isinstance(record, dict) else set()


def test_an_upgraded_report_has_the_keys_of_a_report_of_this_version(shop: Shop) -> None:
    shop.run("r1")
    shop.run("r2")
    now, old = reported(shop, "r2"), upgraded(saved("switched"))
    assert now["report"] == old["report"] == VERSION and set(now) == set(old)
    for part in ("tables", "switch", "changes", "proof", "stages", "gates", "totals"):
        own = {k for k in keys(now[part]) if ".left_alone." not in k}
        assert own <= keys(old[part]), part
    assert not {k for k in keys(old) if k.rpartition(".")[2] in ("told", "outlook", "put", "leaving", "standing", "left", "since")}


def test_the_values_of_a_report_are_those_that_were_saved() -> None:
    then, now = saved("switched"), upgraded(saved("switched"))
    assert now["changes"]["lines"] == then["since"]["told"] and now["changes"]["rows"] == then["since"]["rows"]
    assert now["preflight"]["lines"] == then["assessment"]["told"] and now["preflight"]["estimate"] == then["assessment"]["outlook"]
    assert now["redriven"]["tables"] == [{"table": "log", "loaded": 2, "remaining": 0}]
    customer, log = upgraded(saved("repaired"))["tables"]
    assert customer["compared"] == {"pieces": 1, "differ": 1, "rows_in": 2, "rows_out": 3, "rows_unchanged": 27}
    assert (customer["left_alone_for"], log["left_alone_for"]) == (None, "newer")
    repaired = upgraded(saved("repaired"))
    assert repaired["switch"]["left_alone"] == {"log": "newer"} and repaired["proof"]["tables"][0]["unchanged"].startswith("27:")


def test_a_saved_report_is_shown_on_each_page() -> None:
    for name in ("switched", "repaired"):
        report = upgraded(saved(name))
        for html in (pages.report(report, progress.NOTHING, PAGE), document(report)):
            text = Tags(html).text
            assert report["headline"] in text and "penstock undo shop.yaml" in text
        assert pages.gate(report, "extracted", PAGE)
    text = " ".join(Tags(document(upgraded(saved("switched")))).text.split())
    assert "rows of 1 table: 40 then, 30 now (-25.0 %)" in text and "2 rows loaded, 0 remaining" in text
    assert "sizes: 2 tables, about 50 rows, 12.0 KiB" in text
    text = " ".join(Tags(document(upgraded(saved("repaired")))).text.split())
    assert "2 rows inserted or updated, 3 deleted or overwritten, 27 identical" in text
    assert "left alone the rows of the run newer stay live" in text


def test_an_early_report_without_changes_pace_columns_and_examples_is_shown(tmp_path: Path) -> None:
    old = saved("switched")
    for name in ("since", "pace"):
        del old[name]
    for table in old["tables"]:
        del table["columns"]
    for result in (r for g in old["gates"] for v in g["verdicts"] for r in v["results"]):
        del result["examples"]
    report = upgraded(old)
    assert report["headline"] in Tags(document(report)).text and pages.report(report, progress.NOTHING, PAGE)
    found = one_table(of(str(tmp_path), "shop", "r2"), report, "log")
    assert found is not None and pages.table(found, report, PAGE)


def test_a_saved_report_of_an_undo_is_shown() -> None:
    report = upgraded(saved("undo"))
    assert report["report"] == VERSION
    for html in (undo_document(report), pages.undo(report, progress.NOTHING, PAGE)):
        assert "too few customers" in Tags(html).text


def test_a_run_is_compared_with_a_report_of_version_1() -> None:
    now = upgraded(saved("switched")) | {"run": "r3"}
    now["tables"] = copy.deepcopy(now["tables"])
    now["tables"][0] |= {"rows_read": 60, "rows_usual": 30}
    found = compare(now, upgraded(saved("switched")))
    assert found is not None and found["lines"] == ["rows of 1 table: 30 before, 60 now (+100.0 %)"]


def test_an_upgrade_leaves_the_given_report_as_it_is() -> None:
    report = saved("repaired")
    upgraded(report)
    assert report == saved("repaired")


@pytest.mark.parametrize("report", [{"report": VERSION, "since": 1}, {"report": 99, "since": 1}, {}])
def test_reports_of_this_version_and_of_later_ones_are_not_changed(report: dict[str, Any]) -> None:
    assert upgraded(report) == report
