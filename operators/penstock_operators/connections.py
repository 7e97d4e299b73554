"""Airflow's connections as what the engine is given: database URLs, and the secrets of a run."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException

if TYPE_CHECKING:
    import sqlalchemy as sa


def url(connection_id: str) -> sa.URL:
    """An Airflow connection as a database URL. Raises UnknownConnection."""
    from penstock.errors import UnknownConnection
    from penstock.migration import connections

    try:
        found = BaseHook.get_connection(connection_id)
    except AirflowNotFoundException:
        fix = f"add it under Admin > Connections, or as AIRFLOW_CONN_{connection_id.upper()}"
        raise UnknownConnection(f"Airflow has no connection {connection_id}", fix=fix) from None
    place = (found.host, found.port, found.login, found.password, found.schema)
    return connections.from_fields(found.conn_type, *place, found.extra_dejson)


def secrets() -> dict[str, str]:
    """What steps and the encryption of staged rows need and no file may hold: passwords of Airflow connections, where they are set."""
    from penstock.state.protection import SECRETS

    found = {}
    for name, connection in SECRETS.items():
        with suppress(AirflowNotFoundException):
            if password := BaseHook.get_connection(connection).password:
                found[name] = password
    return found
