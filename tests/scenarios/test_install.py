"""What is installed: the wheel in new environments, without Airflow, and beside what an existing Airflow has."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from tests.support.repository import REPO

UV = Path(sys.executable).parent / "uv"
pytestmark = pytest.mark.skipif(not UV.exists(), reason="uv is not in this environment: `make .venv/installed` puts it there")

PAGE = """
from airflow.api_fastapi.app import cached_app, get_auth_manager
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from fastapi.testclient import TestClient
client = TestClient(cached_app())
token = get_auth_manager().generate_jwt(SimpleAuthManagerUser(username="admin", role="ADMIN"))
headers = {"Authorization": f"Bearer {token}"}
(run,) = client.get("/api/v2/dags/people/dagRuns", headers=headers).json()["dag_runs"]
views = [v["url_route"] for p in client.get("/api/v2/plugins", headers=headers).json()["plugins"] for v in p["external_views"]]
page = client.get(f"/penstock/dags/people/runs/{run['dag_run_id']}/report", headers=headers)
print(run["state"], views, page.status_code, page.text)
"""
THREE_LINES = """# Airflow DAGs of the migrations in this folder.
from penstock_operators.folder import dags
globals().update(dags("{folder}"))
"""


def done(*command: object, cwd: Path, settings: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """A command in `cwd`, with nothing of this repository on the path."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "AIRFLOW", "PENSTOCK"))}
    return subprocess.run(
        [str(part) for part in command], cwd=cwd, env=ours | (settings or {}), capture_output=True, text=True, check=False
    )


def answered(*command: object, cwd: Path, settings: Mapping[str, str] | None = None) -> str:
    found = done(*command, cwd=cwd, settings=settings)
    assert found.returncode == 0, found.stdout[-2000:] + found.stderr[-4000:]
    return found.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    # Built of a copy: what a build leaves beside its sources would be a second registration of the plugins for Airflow.
    copy = folder / "copy"
    left_out = shutil.ignore_patterns(
        ".git", ".venv", ".bench", ".airflow", "*.egg-info", "*.so", "build", "dist", "site", "staging", ".*_cache"
    )
    shutil.copytree(REPO, copy, ignore=left_out)
    answered(UV, "build", "--quiet", "--wheel", "--out-dir", folder, copy, cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


def environment(folder: Path, wheel: Path, extra: str = "") -> Path:
    """The bin folder of a new environment with the wheel in it."""
    answered(UV, "venv", "--quiet", "--python", sys.executable, folder / "env", cwd=folder)
    pinned = ("--constraint", REPO / "requirements.lock")
    package = f"penstock{extra} @ {wheel.as_uri()}"
    answered(UV, "pip", "install", "--quiet", "--python", folder / "env" / "bin" / "python", *pinned, package, cwd=folder)
    return folder / "env" / "bin"


def people(folder: Path) -> Path:
    with closing(sqlite3.connect(folder / "people.sqlite")) as db, db:
        db.executescript(
            "CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT NOT NULL); INSERT INTO person VALUES (1, 'Zoë'), (2, 'Bo')"
        )
    return folder / "people.sqlite"


def live(file: Path) -> list[tuple[object, ...]]:
    with duckdb.connect(str(file)) as db:
        return db.execute("SELECT * FROM person ORDER BY id").fetchall()


def test_every_name_that_the_wheel_installs_begins_with_penstock(wheel: Path) -> None:
    names = {Path(name).parts[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {"penstock", "penstock_operators"} <= names and all(name.startswith("penstock") for name in names), names


def test_without_airflow_a_migration_runs_and_a_missing_driver_is_named(wheel: Path, tmp_path: Path) -> None:
    bin_folder = environment(tmp_path, wheel)
    people(tmp_path)
    (tmp_path / "people.yaml").write_text(
        f"name: people\nsource: sqlite:///{tmp_path}/people.sqlite\ntarget: duckdb:///{tmp_path}/new.duckdb\n"
    )
    assert "1 table with 2 rows is live" in answered(bin_folder / "penstock", "run", "people.yaml", cwd=tmp_path)
    assert live(tmp_path / "new.duckdb") == [(1, "Zoë"), (2, "Bo")]
    absent = done(bin_folder / "python", "-c", "import airflow", cwd=tmp_path)
    assert absent.returncode and "ModuleNotFoundError" in absent.stderr
    refused = done(bin_folder / "penstock", "run", "people.yaml", "--target", "postgresql://me@localhost/x", cwd=tmp_path)
    assert refused.returncode and "pip install 'penstock[postgresql]'" in refused.stderr


def test_an_existing_airflow_needs_the_package_and_a_dag_file_of_three_lines(wheel: Path, tmp_path: Path) -> None:
    """Beside packages of the user's own that are called `operators` and `expectations`."""
    bin_folder = environment(tmp_path, wheel, "[airflow]")
    (packages,) = tmp_path.glob("env/lib/python3*/site-packages")
    for name in ("operators", "expectations"):
        (packages / name).mkdir()
        (packages / name / "__init__.py").write_text("OWNER = 'the user'\n")
    folder = tmp_path / "dags" / "migrations"
    folder.mkdir(parents=True)
    (tmp_path / "dags" / "shop.py").write_text(
        THREE_LINES.format(folder=folder) + "import operators; assert operators.OWNER == 'the user'\n"
    )
    (folder / "people.yaml").write_text("name: people\nsource: old\ntarget: new\n")
    settings = {
        "AIRFLOW_HOME": str(tmp_path),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__API_AUTH__JWT_SECRET": "0" * 64,
        "AIRFLOW_CONN_OLD": f"sqlite:///{people(tmp_path)}",
        "AIRFLOW_CONN_NEW": f"duckdb:///{tmp_path}/new.duckdb",
        "AIRFLOW_VAR_PENSTOCK_STAGING": str(tmp_path / "staging"),
    }
    answered(bin_folder / "airflow", "db", "migrate", cwd=tmp_path, settings=settings)
    answered(bin_folder / "airflow", "dags", "test", "people", cwd=tmp_path, settings=settings)
    assert live(tmp_path / "new.duckdb") == [(1, "Zoë"), (2, "Bo")]
    shown = answered(bin_folder / "python", "-c", PAGE, cwd=tmp_path, settings=settings)
    told = re.search(r"^success \[(?P<views>.*?)\] 200 <!doctype html>", shown, re.MULTILINE | re.IGNORECASE)
    assert told and "'migration_report'" in told["views"] and "1 table with 2 rows is live" in shown
