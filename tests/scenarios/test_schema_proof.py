"""What `penstock check` says of the schema is what is built; what is built otherwise closes the gate by table, object and property."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import sqlalchemy as sa

from penstock.cli.commands import main
from penstock.errors import GateClosed
from penstock.planning.preflight.result import json_schema
from penstock.reporting.content import json_schema as report_schema
from penstock.runtime import events
from penstock.state import evidence, plan_file, staging
from penstock.state.staging import Staging
from tests.support.data.plain_values import Plain
from tests.support.one_run import moved

SOURCE = """
CREATE TABLE shop (id INTEGER PRIMARY KEY, name VARCHAR(20) DEFAULT 'x' NOT NULL COLLATE NOCASE);
CREATE TABLE sale (id INTEGER PRIMARY KEY, shop INTEGER REFERENCES shop (id), at DATE, pieces INTEGER CHECK (pieces > 0), old TEXT);
CREATE INDEX by_day ON sale (at);
INSERT INTO shop VALUES (1, 'one');
INSERT INTO sale VALUES (1, 1, '2020-01-01', 2, 'a'), (2, 1, '2020-01-02', 3, 'b');
"""
STEPS = [{"rename": {"pieces": "how_many"}}, {"drop": ["old"]}, {"derive": {"twice": "how_many * 2"}}]


@pytest.fixture
def source(tmp_path: Path) -> sa.URL:
    with closing(sqlite3.connect(tmp_path / "s.sqlite")) as db, db:
        db.executescript(SOURCE)
    return sa.make_url(f"sqlite:///{tmp_path}/s.sqlite")


def area(tmp_path: Path, run: str = "r") -> Staging:
    return staging.of(str(tmp_path / "staging"), "m", run)


def checked(tmp_path: Path, source: sa.URL, target: sa.URL, capsys: pytest.CaptureFixture[str], *options: str) -> str:
    ends = {end: url.render_as_string(hide_password=False) for end, url in (("source", source), ("target", target))}
    file = tmp_path / "c.yaml"
    file.write_text(json.dumps({"name": "c", **ends, "tables": {"sale": {"transform": STEPS}}}))
    assert main(["check", str(file), "--no-estimate", *options]) == 0
    return capsys.readouterr().out


def test_check_counts_what_becomes_of_the_schema_and_lists_it_when_asked(
    tmp_path: Path, source: sa.URL, postgresql_url: sa.URL, capsys: pytest.CaptureFixture[str]
) -> None:
    out = checked(tmp_path, source, postgresql_url, capsys)
    [columns] = [line.split() for line in out.splitlines() if line.startswith("column ")]
    assert columns == ["column", "4", "3", "1", "0"]  # the steps declare three; the collation of the name is adapted
    assert "--verbose" in out
    listed = checked(tmp_path, source, postgresql_url, capsys, "--verbose")
    assert (
        "step 2 (drop)" in listed
        and "step 3 (derive)" in listed
        and "texts that differ in any byte are different" in listed.replace("\n", " ")
    )


def test_check_and_report_have_the_schema_typed(
    tmp_path: Path, source: sa.URL, postgresql_url: sa.URL, capsys: pytest.CaptureFixture[str]
) -> None:
    found = json.loads(checked(tmp_path, source, postgresql_url, capsys, "--json"))
    jsonschema.validate(found, json_schema())
    moved(tmp_path, source, postgresql_url, "m", "r", {"sale": {"transform": STEPS}})
    report = json.loads((tmp_path / "staging" / "m" / "r" / "report.json").read_text())
    jsonschema.validate(report, report_schema())
    assert report["schema"]["differences"] == found["schema"]["differences"] and report["schema"]["counts"] == found["schema"]["counts"]
    assert report["schema"]["proved"] is True and report["schema"]["objects"] > 10
    assert "were read back and compared with the plan" in (tmp_path / "staging" / "m" / "r" / "report.html").read_text()


def test_a_run_that_an_older_version_planned_and_built_is_proved_as_far_as_it_can_be(
    tmp_path: Path, source: sa.URL, postgresql_url: sa.URL
) -> None:
    """Its plan has no differences, and its built.json no tables."""
    moved(tmp_path, source, postgresql_url, "m", "r", {})
    plan = plan_file.find(area(tmp_path))
    assert plan and any(t.differences for t in plan.tables)
    written = json.loads(plan.to_json())
    for table in written["tables"]:
        del table["differences"]
    older = type(plan).from_json(json.dumps(written))
    assert older == replace(plan, tables=tuple(replace(t, differences=()) for t in plan.tables))
    built = evidence.BUILT.parsed(area(tmp_path), json.dumps({"sale": {"column id": "0123456789abcdef"}}))
    assert built["sale"].definition == {"column id": "0123456789abcdef"} and built["sale"].shadow is None


def changed(url: sa.URL, *statements: str, at: str = "build.finished") -> Any:
    """Run statements once the shadows are built."""

    def on(name: str, facts: dict[str, Any]) -> None:
        if name == at:
            with Plain(url) as plain:
                for statement in statements:
                    plain.run(statement)

    return events.subscribed(on)


def test_an_index_that_was_dropped_after_the_build_closes_the_gate_by_name(tmp_path: Path, source: sa.URL, postgresql_url: sa.URL) -> None:
    drop = 'DROP INDEX "penstock_new_m"."by_day"'
    with pytest.raises(GateClosed) as closed, changed(postgresql_url, drop):
        moved(tmp_path, source, postgresql_url, "m", "r", {})
    assert "sale: index by_day is missing: `penstock check` did not announce it" in closed.value.failed
    report = json.loads((tmp_path / "staging" / "m" / "r" / "report.json").read_text())
    assert report["schema"]["proved"] is False
    assert [(d["object"], d["name"], d["property"]) for d in report["schema"]["unannounced"]] == [("index", "by_day", "")]
    assert "index by_day is missing" in (tmp_path / "staging" / "m" / "r" / "report.html").read_text()


def test_a_column_that_was_dropped_closes_the_gate_before_its_rows_are_read(tmp_path: Path, source: sa.URL, postgresql_url: sa.URL) -> None:
    drop = "ALTER TABLE penstock_new_m.sale DROP COLUMN old"
    with pytest.raises(GateClosed) as closed, changed(postgresql_url, drop, at="prove.started"):
        moved(tmp_path, source, postgresql_url, "m", "r", {})
    assert "sale: column old is missing: `penstock check` did not announce it" in closed.value.failed


def test_what_differs_of_a_live_table_that_stays_is_reported_and_closes_nothing(
    tmp_path: Path, source: sa.URL, postgresql_url: sa.URL
) -> None:
    moved(tmp_path, source, postgresql_url, "m", "r1", {})
    with Plain(postgresql_url) as plain:
        plain.run("ALTER TABLE sale ALTER COLUMN pieces SET DEFAULT 7")
        plain.run("CREATE INDEX theirs ON sale (pieces)")
    addresses = {end: url.render_as_string(hide_password=False) for end, url in (("source", source), ("target", postgresql_url))}
    file = tmp_path / "m.yaml"
    file.write_text(json.dumps({"name": "m", **addresses, "switch": {"how": "replace_rows"}}))
    assert main(["run", str(file), "--run-id", "r2", "--staging", str(tmp_path / "staging")]) == 0
    report = json.loads((tmp_path / "staging" / "m" / "r2" / "report.json").read_text())
    assert [(d["table"], d["name"], d["property"]) for d in report["schema"]["drift"]] == [("sale", "pieces", "default")]
    assert report["schema"]["unannounced"] == [] and report["outcome"] == "switched"
