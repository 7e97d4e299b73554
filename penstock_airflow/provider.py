"""The entry point `apache_airflow_provider`: the connection types that Airflow's form offers, and how it labels their fields.

Every component of Airflow loads this module at its start, so it imports nothing but the standard library.
"""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any

GROUP, PACKAGE = "apache_airflow_provider", "penstock"

_SERVER_LABELS = {"host": "Host", "schema": "Database", "login": "User"}
_FILE_FIELDS = {"hidden-fields": ["schema", "login", "password", "port"], "relabeling": {"host": "File"}}


def connection_types() -> list[dict[str, Any]]:
    """Penstock's connection types, in the form of Airflow's provider schema."""
    return [
        {
            "connection-type": "mysql",
            "hook-class-name": "penstock_airflow.hooks.MySQLHook",
            "hook-name": "MySQL or MariaDB",
            "ui-field-behaviour": {
                "hidden-fields": [],
                "relabeling": _SERVER_LABELS,
                "placeholders": {"host": "db.example.com", "schema": "shop", "login": "reader", "port": "3306"},
            },
        },
        {
            "connection-type": "postgres",
            "hook-class-name": "penstock_airflow.hooks.PostgreSQLHook",
            "hook-name": "PostgreSQL",
            "ui-field-behaviour": {
                "hidden-fields": [],
                "relabeling": _SERVER_LABELS,
                "placeholders": {"host": "db.example.com", "schema": "shop", "login": "writer", "port": "5432"},
            },
        },
        {
            "connection-type": "sqlite",
            "hook-class-name": "penstock_airflow.hooks.SQLiteHook",
            "hook-name": "SQLite",
            "ui-field-behaviour": _FILE_FIELDS | {"placeholders": {"host": "/data/shop.sqlite"}},
        },
        {
            "connection-type": "duckdb",
            "hook-class-name": "penstock_airflow.hooks.DuckDBHook",
            "hook-name": "DuckDB",
            "ui-field-behaviour": _FILE_FIELDS | {"placeholders": {"host": "/data/shop.duckdb"}},
        },
    ]


def get_provider_info() -> dict[str, Any]:
    """What Airflow's ProvidersManager asks every installed provider.

    A type that another installed provider declares (`apache-airflow-providers-postgres` for instance) is left to it: Airflow
    would log a warning for each type that is declared twice, and mix the two providers' labels.
    """
    taken = _types_of_other_providers()
    return {
        "package-name": PACKAGE,
        "name": "Penstock",
        "description": "Connection types of Penstock, gated data migrations",
        "connection-types": [declared for declared in connection_types() if declared["connection-type"] not in taken],
    }


def _types_of_other_providers() -> set[str]:
    taken: set[str] = set()
    for entry_point in entry_points(group=GROUP):
        if entry_point.dist is None or entry_point.dist.name == PACKAGE:
            continue
        try:
            declared = entry_point.load()().get("connection-types", [])
        except Exception:  # Airflow loads it too and reports what is wrong with it
            continue
        taken |= {found["connection-type"] for found in declared}
    return taken
