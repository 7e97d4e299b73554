"""Airflow hooks of Penstock's connection types. They connect as a migration does, so the form's *Test* button tries just that.

Airflow imports this module to learn which types can be tested: the engine and the drivers are imported when a hook connects.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import BaseHook

if TYPE_CHECKING:
    import sqlalchemy as sa


_TEN_SECONDS = {"connect_timeout": "10"}


class PenstockHook(BaseHook):
    """A database that an Airflow connection names."""

    conn_name_attr = "conn_id"
    conn_type: ClassVar[str]
    hook_name: ClassVar[str]
    may_be_new: ClassVar[bool] = False
    test_settings: ClassVar[dict[str, str]] = {}
    """Of the driver, while a person waits for the test."""

    def __init__(self, conn_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.conn_id = conn_id

    def get_conn(self) -> sa.Connection:
        """An open connection. The caller closes it. Raises UnknownConnection and ConnectionFailed."""
        from penstock import databases
        from penstock_operators.connections import url

        address = url(self.conn_id)
        return databases.connect(databases.of(address), address, "database").connect()

    def test_connection(self) -> tuple[bool, str]:
        """Whether the database can be reached, and a sentence for the person who pressed *Test*. It shows no password."""
        from penstock.errors import PenstockError
        from penstock.planning.preflight.reachable import reach
        from penstock_operators.connections import url

        try:
            address = url(self.conn_id)
            return True, reach(address.set(query=self.test_settings | dict(address.query)), self.may_be_new)
        except PenstockError as error:
            reason = f": {error.why}" if error.why else ""
            return False, f"{error.what[:1].upper()}{error.what[1:]}{reason.rstrip('.!')}. Fix: {error.fix}."


class MySQLHook(PenstockHook):
    """MySQL and MariaDB."""

    conn_type, hook_name, default_conn_name = "mysql", "MySQL or MariaDB", "mysql_default"
    test_settings: ClassVar = _TEN_SECONDS


class PostgreSQLHook(PenstockHook):
    """PostgreSQL."""

    conn_type, hook_name, default_conn_name = "postgres", "PostgreSQL", "postgres_default"
    test_settings: ClassVar = _TEN_SECONDS


class SQLiteHook(PenstockHook):
    """A SQLite file."""

    conn_type, hook_name, default_conn_name = "sqlite", "SQLite", "sqlite_default"


class DuckDBHook(PenstockHook):
    """A DuckDB file. Most are targets, which the first run makes."""

    conn_type, hook_name, default_conn_name = "duckdb", "DuckDB", "duckdb_default"
    may_be_new = True
