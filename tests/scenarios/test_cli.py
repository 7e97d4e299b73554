"""The command line: what it prints, what it refuses, and its exit codes."""

from __future__ import annotations

import json
import os
import pty
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from penstock.cli import run_lookup
from penstock.cli.commands import main
from penstock.runtime import events
from penstock.stages import load
from penstock.state import evidence, journal, run_log, staging
from tests.support.data.shop import Shop
from tests.support.repository import REPO

SUITE = {"name": "customer.extracted", "expectations": []}
TOO_MUCH = {"type": "expect_column_values_to_be_between", "kwargs": {"column": "credit", "max_value": 100}, "severity": "critical"}


@pytest.fixture
def at(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """The shop, with its folder as the current one and nobody at the terminal."""
    monkeypatch.chdir(shop.folder)
    with open(os.devnull) as nobody:
        monkeypatch.setattr(sys, "stdin", nobody)
        yield shop


def run_folders(shop: Shop) -> list[Path]:
    """The folders of runs, without what the migration keeps beside them."""
    return sorted(f for f in (shop.folder / "staging" / "shop").glob("*") if not f.name.startswith("."))


def process(*args: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(REPO)}
    return subprocess.run([sys.executable, *args], capture_output=True, text=True, check=False, env=environment)


def test_help_loads_no_engine() -> None:
    code = (
        "import sys, penstock.cli.commands as c; c.main(['--help']);"
        "print([m for m in ('sqlalchemy', 'pyarrow', 'duckdb', 'pydantic', 'rich', 'yaml', 'jinja2') if m in sys.modules])"
    )
    told = process("-c", code)
    assert told.stdout.splitlines()[-1] == "[]", told.stderr
    for word in ("check", "plan", "run", "report", "undo", "schema", "exit codes", "PENSTOCK_MASK_KEY"):
        assert word in told.stdout


def test_wrong_usage_is_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == main(["run"]) == main(["run", "x.yaml", "--new", "--run-id", "a"]) == main(["run", "x.yaml", "--chunk", "much"]) == 2
    assert "32MiB" in capsys.readouterr().err


def test_schema_is_the_migration_files_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    assert {"name", "source", "target", "switch"} <= set(json.loads(capsys.readouterr().out)["properties"])


def test_a_mistake_in_the_file_is_told_without_a_traceback(at: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    at.write()
    at.file.write_text(at.file.read_text() + "tabels: {}\n")
    assert main(["check", "shop.yaml"]) == main(["plan", "shop.yaml"]) == main(["run", "shop.yaml"]) == main(["report", "shop.yaml"]) == 1
    err = capsys.readouterr().err
    line = at.file.read_text().splitlines().index("tabels: {}") + 1
    assert f"shop.yaml:{line}:" in err and "did you mean 'tables'" in err and "Traceback" not in err


def test_check_prints_all_problems_blocking_first(at: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    at.write(tables="  include: [order]\n  custmer: {}\n  order: {transform: [{drop: [nte]}]}")
    assert main(["check", "shop.yaml"]) == 1
    out = capsys.readouterr().out
    assert "custmer" in out and "'customer'" in out and "nte" in out and "2 blocking problems" in out
    at.write(tables="  include: [order]")
    assert main(["check", "shop.yaml", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert not any(p["blocking"] for p in found["problems"])
    assert any("customer" in p["what"] for p in found["problems"])


def test_checks_that_are_named_must_be_there(at: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    at.write(extra="checks: suites/of/shop")
    assert main(["check", "shop.yaml"]) == 1
    assert "there is no folder suites/of/shop" in capsys.readouterr().err
    (at.folder / "elsewhere/suites/of/shop").mkdir(parents=True)
    assert main(["check", "shop.yaml", "--project", "elsewhere"]) == 0


def test_plan_writes_nothing_and_says_what_run_will_run(at: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    at.write()
    before = at.tables()
    assert main(["plan", "shop.yaml", "--json"]) == 0
    planned = json.loads(capsys.readouterr().out)
    assert main(["plan", "shop.yaml", "--tables", "log, order"]) == 0
    text = capsys.readouterr().out
    assert "order" in text and "customer" not in text.replace('"customer"', "") and 'RENAME TO "order";' in text
    assert at.tables() == before and not (at.folder / "staging").exists()
    ran: dict[str, list[str]] = {"build.statement": [], "switch.statement": []}
    with events.subscribed(lambda name, facts: ran[name].append(facts["statement"]) if name in ran else None):
        assert main(["run", "shop.yaml"]) == 0
    assert [ran["build.statement"], ran["switch.statement"]] == [planned["statements"]["build"], planned["statements"]["switch"]]


def test_a_partition_is_planned_by_its_interval_and_without_one_an_interval_is_there_to_paste(
    at: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    at.write(
        "  include: [customer]\n  customer: {partition: {by: at}}", "schedule: '@daily'\nstart_date: 2024-03-01\ntimezone: Europe/Berlin"
    )
    assert main(["plan", "shop.yaml"]) == 1
    told = capsys.readouterr().err
    pasted = told.rpartition("fix: ")[2].splitlines()[0].split()[-2:]
    assert pasted[0] == "--interval" and "this migration is partitioned: a run needs a data interval" in told
    assert main(["plan", "shop.yaml", *pasted]) == main(["check", "shop.yaml", "--no-estimate", *pasted]) == 0
    first, second = ["--interval", "2024-03-04..2024-03-05"], ["--interval", "2024-03-05..2024-03-06"]
    assert main(["run", "shop.yaml", *first]) == 0
    capsys.readouterr()
    assert main(["plan", "shop.yaml", *second, "--json"]) == 0
    planned = json.loads(capsys.readouterr().out)
    assert planned["plan"]["interval"] == ["2024-03-04T23:00:00Z", "2024-03-05T23:00:00Z"]
    ran: list[str] = []
    with events.subscribed(lambda name, facts: ran.append(facts["statement"]) if name == "switch.statement" else None):
        assert main(["run", "shop.yaml", *second]) == 0
    # Runs of one migration load into shadows of their own, named after the run.
    named = [re.sub("[0-9a-f]{8,16}", "…", statement) for statement in ran]
    assert named == [re.sub("[0-9a-f]{8,16}", "…", statement) for statement in planned["statements"]["switch"]] and len(ran) >= 3


def test_a_run_stops_before_the_switch_goes_on_and_is_undone(at: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    at.write(extra="switch: {approval: true}")
    assert main(["run", "shop.yaml", "--stop-before-switch", "--chunk", "16KiB"]) == 0
    out = capsys.readouterr().out
    assert "proved, not switched" in out and "2,197" in out and "customer" not in at.tables()
    read = [(f, f.stat().st_mtime_ns) for f in (at.folder / "staging").rglob("extracted/*/*/*.json")]
    assert main(["run", "shop.yaml", "--chunk", "16KiB", "--yes"]) == 0
    assert "resuming run" in capsys.readouterr().err
    assert read and [(f, f.stat().st_mtime_ns) for f in (at.folder / "staging").rglob("extracted/*/*/*.json")] == read
    assert len(run_folders(at)) == 1 and len(at.rows("customer")) == 300
    approval = json.loads((run_folders(at)[0] / "approval.json").read_text())
    assert approval["approved"] and approval["by"].endswith("by --yes")
    assert main(["report", "shop.yaml", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["outcome"] == "switched" and found["run"] == run_folders(at)[0].name
    assert main(["undo", "shop.yaml"]) == 0
    assert "undone" in capsys.readouterr().out and "customer" not in at.tables()
    assert main(["report", "shop.yaml"]) == 0 and "undone" in capsys.readouterr().out
    assert main(["undo", "shop.yaml"]) == 4
    assert "is undone already" in capsys.readouterr().err


def test_without_a_terminal_an_approval_is_refused_before_anything_moves(at: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    at.write(extra="switch: {approval: true}")
    assert main(["run", "shop.yaml"]) == 4
    assert "--yes" in capsys.readouterr().err and not (at.folder / "staging").exists() and not at.tables()


def test_a_no_on_the_terminal_keeps_the_switch_shut(at: Shop) -> None:
    at.write(extra="switch: {approval: true}")
    here, there = pty.openpty()
    running = subprocess.Popen(
        [sys.executable, "-m", "penstock.cli", "run", "shop.yaml"],
        stdin=there, stdout=there, stderr=there, cwd=at.folder, env={**os.environ, "PYTHONPATH": str(REPO)},
    )  # fmt: skip
    os.close(there)
    said = b""
    while True:
        try:
            piece = os.read(here, 65_536)
        except OSError:  # the other end is closed
            break
        said += piece
        if b"any other answer rejects" in piece:
            os.write(here, b"no\n")
        if not piece:
            break
    text = said.decode()
    assert running.wait(60) == 4, text
    assert "2197/2197" in text and "report.html" in text and "NotApproved" in text and "nanobind" not in text and "Traceback" not in text
    assert not at.tables() & {"customer", "order", "log"}


def test_a_closed_gate_is_3_and_its_report_is_named(at: Shop, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    folder = at.folder / "expectations" / "shop"
    folder.mkdir(parents=True)
    (folder / "customer.extracted.json").write_text(json.dumps(SUITE | {"expectations": [TOO_MUCH]}))
    monkeypatch.setenv("PENSTOCK_MASK_KEY", "k" * 40)
    at.write(tables="  customer: {transform: [{mask: {email: sha256}}], sensitive: [email]}")
    assert main(["run", "shop.yaml", "--run-id", "first"]) == 3
    told = capsys.readouterr()
    assert "GateClosed" in told.err and "credit" in told.err and "gate       customer, extracted: closed" in told.err
    assert "failed: The gate after extracted stays closed" in told.out and "staging/shop/first/report.html" in told.out
    assert "k" * 40 not in told.err + told.out
    (folder / "customer.extracted.json").write_text(json.dumps(SUITE | {"expectations": [TOO_MUCH | {"severity": "warning"}]}))
    assert main(["run", "shop.yaml", "--run-id", "first"]) == 0
    assert "warned" in capsys.readouterr().out and len(at.rows("customer")) == 300


def test_a_connection_that_fails_is_5_and_keeps_the_password(at: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    at.write()
    assert main(["run", "shop.yaml", "--target", "postgresql://ana:geheim@127.0.0.1:1/shop"]) == 5
    assert main(["check", "shop.yaml", "--target", "nowhere"]) == 1
    told = capsys.readouterr()
    assert "ConnectionFailed" in told.err and "AIRFLOW_CONN_NOWHERE" in told.err and "geheim" not in told.err + told.out
    assert not [f for f in (at.folder / "staging").rglob("*.*") if b"geheim" in f.read_bytes()]


def test_an_error_nobody_foresaw_shows_no_value(at: Shop, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    at.write()

    def fail(*_: Any) -> None:
        raise KeyError("Zoë's secret")

    monkeypatch.setattr(load, "load", fail)
    assert main(["run", "shop.yaml"]) == 5
    told = capsys.readouterr()
    assert "KeyError" in told.err and "test_cli.py" in told.err and "secret" not in told.err + told.out
    assert "failed" in told.out and "secret" not in (run_folders(at)[0] / "report.html").read_text()


def test_control_characters_in_names_do_not_reach_the_terminal(at: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    with sqlite3.connect(str(at.source.database)) as db:
        db.execute('CREATE TABLE "\x1b[2J[red]gone" (id INTEGER PRIMARY KEY)')
    at.write()
    main(["check", "shop.yaml"])
    assert main(["plan", "shop.yaml"]) == 0
    told = capsys.readouterr()
    assert "\x1b" not in told.out + told.err and "\\x1b[2J[red]gone" in told.out


def test_only_the_last_run_is_gone_on_with_and_only_for_the_same_request(at: Shop) -> None:
    migration, root = at.write(), str(at.folder / "staging")
    asked = {"tables": [], "chunk": None}

    def planned(run: str, second: int, **request: Any) -> staging.Staging:
        area = staging.of(root, "shop", run)
        area.write_json({"run": run, "fingerprint": migration.fingerprint, "approval": True}, "plan.json")
        area.write_json(asked | request, "request.json")
        run_log.timing("plan").write(area, run_log.Timing("plan", "", f"2026-11-23T12:00:{second:02}+00:00", 1.0))
        return area

    assert run_lookup.unfinished(root, migration, asked) is None
    planned("z-first", 1)
    assert run_lookup.unfinished(root, migration, asked) == "z-first"
    second = planned("b-second", 2, tables=["log"])
    assert run_lookup.unfinished(root, migration, asked) is None
    assert run_lookup.unfinished(root, migration, asked | {"tables": ["log"]}) == "b-second"
    third = planned("a-third", 3)
    assert run_lookup.unfinished(root, migration, asked) == "a-third"
    failure = replace(run_log.describe("plan", ValueError()), at="2026-11-23T12:00:09+00:00")
    run_log.FAILURE.write(staging.of(root, "shop", "preflight-failed"), failure)
    assert run_lookup.unfinished(root, migration, asked) == "a-third"
    evidence.APPROVAL.write(third, evidence.Approval(False, "Reject", "ana", journal.now()))
    assert run_lookup.unfinished(root, migration, asked) is None
    third.remove("approval.json")
    third.write_json({}, "switch.json")
    assert run_lookup.unfinished(root, migration, asked) == "a-third"
    run_log.timing("finish").write(third, run_log.Timing("finish", "", "2026-11-23T12:00:10+00:00", 1.0))
    assert run_lookup.unfinished(root, migration, asked) is None
    third.remove("switch.json")
    assert run_lookup.unfinished(root, at.write(extra="chunk: 1MiB"), asked) is None
    assert [area.path.rpartition("/")[2] for area in run_lookup.areas(root, "shop")][-3:] == ["b-second", "a-third", "preflight-failed"]
    assert second.exists("plan.json")


def test_no_two_runs_get_one_id(at: Shop) -> None:
    root = str(at.folder / "staging")
    made = []
    for _ in range(3):
        made.append(run_lookup.new(root, "shop"))
        staging.of(root, "shop", made[-1]).write_json({}, "plan.json")
    assert len(set(made)) == 3


def test_a_run_that_died_after_its_switch_is_finished_by_the_same_command(at: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    class Killed(BaseException):
        pass

    def kill(name: str, _: dict[str, Any]) -> None:
        if name == "switch.finished":
            raise Killed

    at.write()
    with events.subscribed(kill), pytest.raises(Killed):
        main(["run", "shop.yaml", "--run-id", "r1"])
    capsys.readouterr()
    assert main(["run", "shop.yaml"]) == 0
    told = capsys.readouterr()
    assert "resuming run r1" in told.err and "switched: 5 tables" in told.out
    assert ("verify", "done") in [
        (s["stage"], s["state"]) for s in json.loads((at.folder / "staging/shop/r1/report.json").read_text())["stages"]
    ]
    assert main(["run", "shop.yaml"]) == 0 and "starting run" in capsys.readouterr().err
