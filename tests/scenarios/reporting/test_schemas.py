"""report.json and `coverage --json` are as their schemas say, and the schemas name every field there is."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import sqlalchemy as sa

from penstock.cli.commands import main
from penstock.errors import PenstockError
from penstock.reporting import content
from penstock.stages import report
from penstock.stages.coverage import coverage
from penstock.stages.switch import undo
from penstock.state import staging
from tests.support.data.journals import make
from tests.support.data.shop import Shop, fill

_RUNS = ("switched", "changed", "gate closed", "refused", "empty", "undone", "undo", "refused undo", "town", "days")


def strict(schema: Any) -> Any:
    """The schema, with no field allowed that it does not name: a new field is to be described."""
    if isinstance(schema, list):
        return [strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: strict(part) for name, part in schema.items()}
    return found | {"additionalProperties": False} if "properties" in schema and "additionalProperties" not in schema else found


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The reports of real runs, and of runs that an earlier version left."""
    return dict(_reports(tmp_path_factory.mktemp("reports")))


def _reports(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    fill(folder / "shop.sqlite", customers=20)
    shop = Shop(folder, sa.make_url(f"sqlite:///{folder}/shop.sqlite"), sa.make_url(f"duckdb:///{folder}/shop.duckdb"))
    root, suite = str(folder / "staging"), folder / "expectations" / "log.loaded.json"
    tables = "  customer: {sensitive: [email], transform: [{rename: {at: seen}}]}\n  log: {transform: [{cast: {said: int32}}]}"
    extra = "bad_rows: {action: quarantine, at_most: 1000}\nswitch: {approval: true}"
    session = shop.run("r1", shop.write(tables, extra), approve=lambda _: (True, "ana"))
    yield "switched", report.report(session.staging, "shop", "r1")
    with closing(sqlite3.connect(folder / "shop.sqlite")) as db:
        db.executescript(
            'DELETE FROM log WHERE weight > 10; DELETE FROM "order" WHERE id = 39; ALTER TABLE log ADD COLUMN more TEXT; DROP TABLE "nothing"'
        )
    suite.parent.mkdir()
    expected = {"type": "expect_column_values_to_be_between", "kwargs": {"column": "weight", "max_value": 0}}
    suite.write_text(json.dumps({"name": "log.loaded", "expectations": [expected | {"severity": "warning"}]}))
    second = shop.run("r2", shop.write("", "source_schema: main"))
    yield "changed", report.report(second.staging, "shop", "r2")
    suite.write_text(json.dumps({"name": "log.loaded", "expectations": [expected]}))
    for run, tables in (("r3", ""), ("r4", "  nowhere: {}")):
        with suppress(PenstockError):
            shop.run(run, shop.write(tables))
        yield {"r3": "gate closed", "r4": "refused"}[run], report.report(staging.of(root, "shop", run), "shop", run)
    yield "empty", report.report(staging.of(root, "shop", "r5"), "shop", "r5")
    undo.undo(second, "bo", "u1")
    asked = {"by": "bo", "note": "a mistake"}
    yield "undo", report.report_undo(staging.of(root, "shop__undo", "u1"), second.staging, "shop", "u1", "r2", asked)
    yield "undone", second.staging.read_json("report.json")
    yield "refused undo", report.report_undo(staging.of(root, "shop__undo", "u2"), None, "shop", "u2", "", asked)
    record = json.loads((make.HERE / "sqlite.json").read_text())
    for file, found in record["staging"].items():
        migration, run, *parts = file.split("/")
        staging.of(root, migration, run).write_json(found, *parts)
    for migration, run in record["runs"].items():
        yield migration, report.report(staging.of(root, migration, run), migration, run)


@pytest.mark.parametrize("run", _RUNS)
def test_a_report_is_as_its_schema_says(reports: dict[str, dict[str, Any]], run: str) -> None:
    jsonschema.validate(json.loads(json.dumps(reports[run])), strict(content.json_schema()))


def test_the_reports_that_are_checked_differ_in_what_they_have(reports: dict[str, dict[str, Any]]) -> None:
    assert {name: r["outcome"] for name, r in reports.items()} == {
        "switched": "switched",
        "changed": "switched",
        "gate closed": "failed",
        "refused": "failed",
        "empty": "unfinished",
        "undone": "undone",
        "undo": "undone",
        "refused undo": "unfinished",
        "town": "switched",
        "days": "switched",
    }
    assert reports["switched"]["quarantine"] and reports["switched"]["approval"]["by"] == "ana"
    assert all(reports["changed"]["changes"][part] for part in ("tables_missing", "columns", "rows", "quarantine", "declared"))
    assert reports["town"]["redriven"] and reports["days"]["interval"]


def test_a_report_of_another_version_is_not_valid(reports: dict[str, dict[str, Any]]) -> None:
    for run in ("switched", "undo"):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**reports[run], "report": 1}, content.json_schema())


@pytest.mark.parametrize("format", ["report", "coverage"])
def test_a_schema_is_printed_and_allows_fields_that_it_does_not_know(format: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", format]) == 0
    schema = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema == {"report": content.json_schema, "coverage": coverage.json_schema}[format]()
    if format == "coverage":
        jsonschema.validate({"version": 1, "migration": "m", "cells": [], "added": 1}, schema)


def test_what_coverage_prints_is_as_its_schema_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(sqlite3.connect(tmp_path / "source.sqlite")) as db:
        db.executescript(make.SOURCE)
    make.files(tmp_path, f"sqlite:///{tmp_path}/source.sqlite", f"sqlite:///{tmp_path}/target.sqlite", ("days",))
    monkeypatch.chdir(tmp_path)
    span = ["--from", "2026-03-01", "--to", "2026-03-03"]
    assert main(["run", "days.yaml", "--interval", make.FIRST]) == 0
    capsys.readouterr()
    assert main(["coverage", "days.yaml", "--json", *span]) == 3
    found = json.loads(capsys.readouterr().out)
    jsonschema.validate(found, strict(coverage.json_schema()))
    states = {(c["table"], c["state"]) for c in found["cells"]}
    assert states == {("orders", "proven"), ("orders", "missing"), ("payment", "proven"), ("payment", "missing"), ("note", "proven")}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**found, "version": 2}, coverage.json_schema())
