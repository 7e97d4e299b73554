"""Penstock's connection types in Airflow: cheap to load, and another provider's types stay that provider's."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from penstock_airflow.provider import connection_types, get_provider_info
from tests.support.repository import REPO

OURS = {"mysql", "postgres", "sqlite", "duckdb"}

LOADED = """
import sys, time
import airflow.sdk
before = set(sys.modules)
import penstock_airflow.provider, penstock_airflow.hooks
penstock_airflow.provider.get_provider_info()
print([m for m in set(sys.modules) - before if m.split(".")[0] in ("penstock", "penstock_operators", "pyarrow", "duckdb", "psycopg", "MySQLdb")])
"""

OTHER = """
def get_provider_info():
    kind = {"connection-type": "postgres", "hook-class-name": "other.Hook", "hook-name": "Other's PostgreSQL", "ui-field-behaviour": {}}
    return {"package-name": "an-other-provider", "name": "Other", "description": "", "connection-types": [kind]}
"""

REGISTERED = """
import json, logging
said = []
class Said(logging.Handler):
    def emit(self, record): said.append(record.getMessage())
from airflow.providers_manager import ProvidersManager
from tests.support.repository import REPO
logging.getLogger("airflow.providers_manager").addHandler(Said(logging.WARNING))
types = {m.connection_type: [m.hook_name, m.hook_class_name] for m in ProvidersManager().iter_connection_type_hook_ui_metadata()}
print(json.dumps([types, said]))
"""


def in_airflow(program: str, *folders: Path) -> str:
    path = [str(folder) for folder in (*folders, REPO)]
    start = f"import sys; sys.path[:0] = {path!r}\n"
    done = subprocess.run([sys.executable, "-c", start + program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def test_loading_the_types_imports_neither_the_engine_nor_a_driver() -> None:
    assert in_airflow(LOADED) == "[]"


def test_the_declaration_is_of_airflow_s_schema() -> None:
    import airflow

    schema = json.loads((Path(airflow.__file__).parent / "provider_info.schema.json").read_text())
    jsonschema.validate(get_provider_info(), schema)
    assert {declared["connection-type"] for declared in connection_types()} == OURS


@pytest.fixture
def other_provider(tmp_path: Path) -> Path:
    """A folder with an installed package that declares the type `postgres`."""
    (tmp_path / "other.py").write_text(OTHER)
    described = tmp_path / "an_other_provider-1.0.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: an-other-provider\nVersion: 1.0\n")
    (described / "entry_points.txt").write_text("[apache_airflow_provider]\nprovider_info = other:get_provider_info\n")
    return tmp_path


def test_a_type_of_another_installed_provider_is_left_to_it_without_a_warning(other_provider: Path) -> None:
    types, said = json.loads(in_airflow(REGISTERED, other_provider))
    assert types["postgres"] == ["Other's PostgreSQL", "other.Hook"]
    assert {kind for kind, (_, hook) in types.items() if hook and hook.startswith("penstock_airflow.")} == OURS - {"postgres"}
    assert said == []
