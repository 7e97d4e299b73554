"""Checks and transforms that other packages add take part in whole runs. The packages are those of docs/contributing."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.support.data.shop import Shop
from tests.support.distribution import install, install_page
from tests.support.repository import REPO

CHECKS = "penstock.planning.preflight.checks"


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """The folder that packages are installed into."""
    return tmp_path / "packages"


def penstock(shop: Shop, packages: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own, with the packages installed."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (REPO, REPO / "expectations", packages)))}
    command = [sys.executable, "-m", "penstock.cli", *args]
    return subprocess.run(command, cwd=shop.folder, capture_output=True, text=True, check=False, env=environment)


def problems(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    """What `check --json` found, by its schema."""
    found: list[dict[str, Any]] = json.loads(done.stdout)["problems"]
    return found


def test_an_added_check_stops_check_and_run_until_its_fix_is_applied(shop: Shop, packages: Path) -> None:
    install_page(packages, "contributing/add-a-check.md")
    shop.write("  include: [customer]")
    (found,) = [p for p in problems(penstock(shop, packages, "check", "shop.yaml", "--json")) if p["blocking"]]
    assert found["where"] == "table customer, column email" and "personal data" in found["what"]
    refused = penstock(shop, packages, "run", "shop.yaml")
    assert refused.returncode == 1 and "personal data" in refused.stderr and not shop.tables()
    shop.write("  include: [customer]\n  customer: {sensitive: [email]}")
    assert "`sensitive: [email]`" in found["fix"]
    assert penstock(shop, packages, "run", "shop.yaml").returncode == 0 and "customer" in shop.tables()


def test_an_added_transform_moves_the_rows_of_a_whole_run(shop: Shop, packages: Path) -> None:
    install_page(packages, "contributing/add-a-transform.md")
    with sqlite3.connect(str(shop.source.database)) as source:
        source.execute("UPDATE customer SET name = '  ' || name || ' '")
    text = "name: shop\nsource: {}\ntarget: {}\ntables:\n  include: [customer, order]\n  customer: {{transform: [{{trim: [name]}}]}}\n"
    shop.file.write_text(text.format(shop.source, shop.target))
    done = penstock(shop, packages, "run", "shop.yaml", "--run-id", "r1")
    assert done.returncode == 0, done.stderr
    names = [row[1] for row in shop.rows("customer")]
    assert len(names) == 300 and "O'Neil" in names and all(name == str(name).strip() for name in names)
    report = json.loads((shop.folder / "staging/shop/r1/report.json").read_text())
    table = next(t for t in report["tables"] if t["table"] == "customer")
    assert table["transforms"] == ["trim name"] and table["proof"] == "holds"
    plan = json.loads((shop.folder / "staging/shop/r1/plan.json").read_text())
    assert [t["target_key"] for t in plan["tables"] if t["source"]["name"]["name"] == "customer"] == [["id"]]


def test_an_added_transform_says_before_a_row_moves_what_it_can_not_do(shop: Shop, packages: Path) -> None:
    install_page(packages, "contributing/add-a-transform.md")
    text = "name: shop\nsource: {}\ntarget: {}\ntables:\n  include: [customer]\n  customer: {{transform: [{{trim: [nmae, born]}}]}}\n"
    shop.file.write_text(text.format(shop.source, shop.target))
    (found,) = [p for p in problems(penstock(shop, packages, "check", "shop.yaml", "--json")) if p["blocking"]]
    assert found["where"].endswith("tables.customer.transform[0].trim") and found["fix"] == "did you mean 'name'?"
    shop.file.write_text(shop.file.read_text().replace("[nmae, born]", "[]"))
    assert "trim: expected [column, ...]" in penstock(shop, packages, "check", "shop.yaml").stderr


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("def check(context):\n    raise ValueError('a secret value')\n", "the check failed: ValueError"),
        ("import no_such_library\n", "the check failed: ModuleNotFoundError"),
        ("phase = 'tabels'\ndef check(context):\n    return ()\n", "the check failed: ValueError"),
    ],
)
def test_an_added_check_that_fails_blocks_the_run_and_shows_no_value(shop: Shop, packages: Path, code: str, what: str) -> None:
    install(packages, CHECKS, {"toy": "toy_check"}, code)
    shop.write("  include: [log]")
    (found,) = [p for p in problems(penstock(shop, packages, "check", "shop.yaml", "--json")) if p["blocking"]]
    assert (found["where"], found["what"]) == ("check toy", what) and "secret" not in str(found)


def test_an_added_check_can_not_take_the_place_of_one_of_penstock(shop: Shop, packages: Path) -> None:
    install(packages, CHECKS, {"keys": "no_keys"}, "def check(context):\n    return ()\n")
    shop.write("  include: [log]")
    assert [p["area"] for p in problems(penstock(shop, packages, "check", "shop.yaml", "--json"))] == ["key"]


@pytest.mark.parametrize("case", ["clean", "problems", "no database to look at"])
def test_what_check_prints_as_json_is_valid_by_its_schema(shop: Shop, packages: Path, case: str) -> None:
    tables = "  custmer: {}\n  order: {transform: [{drop: [nte]}]}" if case == "problems" else ""
    shop.write(tables, "target_schema: nowhere" if case.startswith("no") else "")
    schema = json.loads(penstock(shop, packages, "schema", "check").stdout)
    found = json.loads(penstock(shop, packages, "check", "shop.yaml", "--json").stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(found, schema)
    assert found["version"] == 1 and found["migration"] == "shop"
    assert (found["estimate"] is None) == case.startswith("no")
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**found, "version": 2}, schema)
