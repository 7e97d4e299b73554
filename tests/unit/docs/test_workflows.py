"""The workflows of GitHub Actions call targets, extras and commands that exist."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest
import yaml

from tests.support.repository import REPO

WORKFLOWS = sorted((REPO / ".github" / "workflows").glob("*.yml"))
PROJECT = tomllib.loads((REPO / "pyproject.toml").read_text())["project"]


def jobs(workflow: str) -> dict[str, Any]:
    return dict(yaml.safe_load((REPO / ".github" / "workflows" / workflow).read_text())["jobs"])


@pytest.mark.parametrize("workflow", [w.name for w in WORKFLOWS])
def test_every_job_has_a_time_limit_and_runs_targets_of_the_makefile(workflow: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", (REPO / "Makefile").read_text(), re.MULTILINE))
    for name, job in jobs(workflow).items():
        assert job["timeout-minutes"] <= 90, name
        called = {target for step in job["steps"] for target in re.findall(r"\bmake ([a-z]+)", step.get("run", ""))}
        assert called <= targets, f"{name} calls {called - targets}"


def test_each_extra_that_is_installed_alone_exists() -> None:
    installed = {extra.strip("[]") for extra in jobs("ci.yml")["install"]["strategy"]["matrix"]["extra"]} - {""}
    assert installed and installed <= set(PROJECT["optional-dependencies"])


def test_the_wheels_are_built_for_pythons_that_the_project_allows() -> None:
    tool = tomllib.loads((REPO / "pyproject.toml").read_text())["tool"]["cibuildwheel"]
    assert PROJECT["requires-python"] == ">=3.11" and all(re.match(r"cp31[1-9]-manylinux", build) for build in tool["build"])
