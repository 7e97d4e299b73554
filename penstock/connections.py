"""Where databases are: connection ids and URLs, as SQLAlchemy URLs with the driver that Penstock uses. Knows no Airflow."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import sqlalchemy as sa

from penstock.errors import UnknownConnection

_DRIVERS = {"postgres": "postgresql+psycopg", "postgresql": "postgresql+psycopg", "mysql": "mysql+mysqldb", "mariadb": "mysql+mysqldb"}
_FILES = frozenset({"sqlite", "duckdb"})


def resolve(name: str) -> sa.URL:
    """A URL, or the connection id that the environment variable AIRFLOW_CONN_<ID> defines as Airflow writes it.

    Raises UnknownConnection.
    """
    if "://" in name:
        return _from_url(name)
    variable = f"AIRFLOW_CONN_{name.upper()}"
    written = os.environ.get(variable)
    if not written:
        raise UnknownConnection(
            f"there is no connection {name!r}",
            fix=f"define it in Airflow; on the command line set {variable}, or give a URL such as postgresql://user@host/database",
        )
    if not written.lstrip().startswith("{"):
        return _from_url(written)
    try:
        said = json.loads(written)
        extra = said.get("extra") or {}
        extra = json.loads(extra) if isinstance(extra, str) else extra
    except ValueError:
        raise UnknownConnection(f"{variable} is neither a URL nor JSON", fix="write it as Airflow does") from None
    fields = [said.get(k) for k in ("host", "port", "login", "password", "schema")]
    return from_fields(said.get("conn_type", ""), *fields, extra)


def from_fields(
    conn_type: str,
    host: str | None,
    port: int | str | None,
    login: str | None,
    password: str | None,
    schema: str | None,
    extra: Mapping[str, Any],
) -> sa.URL:
    """The URL of an Airflow connection's fields. `extra["sqlalchemy_query"]` goes into its query."""
    kind = conn_type.replace("-", "_")
    query = {str(k): str(v) for k, v in (extra.get("sqlalchemy_query") or {}).items()}
    if kind in _FILES:
        return sa.URL.create(kind, database=host or schema or None, query=query)
    driver = _DRIVERS.get(kind, kind)
    return sa.URL.create(driver, login or None, password or None, host or None, int(port) if port else None, schema or None, query)


def _from_url(text: str) -> sa.URL:
    scheme = text.split("://", 1)[0]
    try:
        if scheme in _FILES:
            return sa.make_url(text)
        if "+" in scheme:
            return sa.make_url(text)
        parts = urlsplit(text)
        return sa.URL.create(
            _DRIVERS.get(scheme, scheme),
            unquote(parts.username) if parts.username else None,
            unquote(parts.password) if parts.password else None,
            parts.hostname,
            parts.port,
            unquote(parts.path.lstrip("/")) or None,
            dict(parse_qsl(parts.query)),
        )
    except (sa.exc.ArgumentError, ValueError):
        raise UnknownConnection(f"{scheme}://… is not a URL", fix="write for instance postgresql://user@host:5432/database") from None
