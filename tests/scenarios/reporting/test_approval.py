"""The evidence in the task that asks for an approval: all that one needs, and nothing in it that formats, links or runs."""

from __future__ import annotations

import re
from typing import Any

import pytest

from penstock.reporting.approval import evidence
from penstock.reporting.question import Backfill, question, repair_question
from tests.scenarios.reporting.test_changes import area, change, reported, suite
from tests.support.data.shop import Shop

HOSTILE = [
    "<script>alert(1)</script>",
    "[click](javascript:alert(1))",
    "![x](http://evil.example/p.png)",
    "| a | b |",
    "`code` ``and`` more",
    "**bold** __it__ ~~gone~~",
    "https://evil.example me@evil.example",
    "\n\n# heading\n- list",
    "&lt;b&gt; \\",
]


def asked(shop: Shop, run_id: str = "r1") -> str:
    return evidence(reported(shop, run_id), 7 * 86_400, "/dags/shop/runs/r1/plugin/migration_report")


def test_it_says_what_one_needs_to_decide(shop: Shop) -> None:
    extra = "bad_rows: {action: quarantine, at_most: 100}\nswitch: {approval: true}"
    steps = "  log: {transform: [{cast: {said: int64}}]}"
    suite(shop, "order.extracted", {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "note"}, "severity": "warning"})
    change(shop, "UPDATE log SET said = '7' WHERE said <> 'said 3'")
    shop.run("r1", shop.write(steps, extra), approve=lambda _: (True, "ana"))
    change(shop, "DELETE FROM customer WHERE id > 200")
    shop.run("r2", shop.write(steps, extra), stop_before_switch=True)
    told = asked(shop, "r2")
    for said in (
        "Proof: holds for every table",
        "**10 rejected**",
        "| customer | 200 | 0 | holds |",
        "kept for 7 days",
        "order",
        "unexpected",
    ):
        assert said in told, said
    assert "log: 10 × said" in told and "rows of 1 table\\: 300 before, 200 now" in told
    assert "[The whole report](/dags/shop/runs/r1/plugin/migration_report)" in told


def test_a_first_run_has_none_to_be_compared_with(shop: Shop) -> None:
    shop.run("r1", stop_before_switch=True)
    assert "no earlier run of this kind" in asked(shop)
    shop.run("r2", stop_before_switch=True)
    assert "Nothing changed" in asked(shop, "r2")


@pytest.mark.parametrize("name", HOSTILE)
def test_names_and_values_of_a_database_stay_text(shop: Shop, name: str) -> None:
    shop.run("r1", stop_before_switch=True)
    report: dict[str, Any] = reported(shop, "r1")
    report["headline"] = report["source"] = name
    table = report["tables"][0]
    table["table"] = table["to"] = name
    report["proof"]["tables"][0]["table"] = name
    result = {"success": False, "columns": [name], "expected": name, "unexpected": 3, "severity": "warning"}
    report["gates"][0]["verdicts"] = [{"table": name, "decision": "warn", "results": [result]}]
    report["quarantine"] = [{"table": name, "groups": [{"column": name, "reason": name, "rows": 3, "keys": [f"id={name}"]}]}]
    report["changes"] = {"run": name, "lines": [name]}
    told = evidence(report, 3600)
    outside = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", told)  # what stands in code is code
    plain = re.sub(r"\\.", "", outside)  # what is escaped is text
    assert not set("<>`&@~!#") & set(plain)
    assert "http:" not in plain and "](" not in plain and "__" not in plain
    lines = told.splitlines()
    assert all(len(re.findall(r"(?<!\\)\|", line)) in (0, 6) for line in lines if line.startswith("|"))
    assert not [line for line in lines if line.startswith(("#", "- list"))]


def test_a_thousand_tables_are_a_page_and_those_with_rejected_rows_come_first(shop: Shop) -> None:
    shop.run("r1", stop_before_switch=True)
    report = reported(shop, "r1")
    report["tables"] = [report["tables"][0] | {"table": f"t{n}", "rows_rejected": 7 * (n == 999)} for n in range(1000)]
    told = evidence(report, 3600)
    assert len(told) < 10_000 and "and 980 more tables" in told
    assert told.index("| t999 |") < told.index("| t0 |")
    assert area(shop, "r1").exists("report.json")


def test_the_question_tells_what_is_switched_and_for_whom_the_answer_counts() -> None:
    proof = {"tables": [{"rows": 12_000}, {"rows": 431}]}
    report = {"migration": "shop", "tables": [{}, {}], "proof": proof, "totals": {"rows_rejected": 0}}
    assert question(report, "for 2026-11-03") == "Switch shop for 2026-11-03? 2 tables, 12,431 rows proved"
    rejected = report | {"totals": {"rows_rejected": 3}}
    assert question(rejected, "(run manual__1)") == "Switch shop (run manual__1)? 2 tables, 12,431 rows proved, 3 rejected"
    month = Backfill("k", "2026-11-01", "2026-11-30", 30)
    told = "Switch shop for all 30 runs of the backfill 2026-11-01 to 2026-11-30? This question comes from the run 2026-11-03: 2 tables, 12,431 rows proved"
    assert question(report, "for 2026-11-03", month) == told
    assert (
        repair_question("shop", "manual__2", 6, 3, 2)
        == "Switch the repair of shop (run manual__2)? 2 tables: 6 rows to insert or update, 3 to delete or overwrite"
    )
