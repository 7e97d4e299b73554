"""Where databases are: connection ids and URLs, as SQLAlchemy URLs with the driver that Penstock uses. Knows no Airflow."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import sqlalchemy as sa

from penstock import databases
from penstock.errors import UnknownConnection


def resolve(name: str) -> sa.URL:
    """The URL of a database: `name` itself, or of the connection that AIRFLOW_CONN_<NAME> defines, as JSON or URI.

    Raises UnknownConnection. The URL's repr and str show no password.
    """
    if "://" in name:
        return _driven(_made_url(name, "a URL"))
    variable = f"AIRFLOW_CONN_{name.upper()}"
    written = os.environ.get(variable, "").strip()
    if not written:
        fix = f"define it in Airflow under Admin > Connections; on the command line set {variable}, or write a URL: {_forms()}"
        raise UnknownConnection(f"there is no connection {name!r}", where=f"environment variable {variable}", fix=fix)
    try:
        return from_fields(*(_json_fields(written) if written.startswith("{") else _uri_fields(written)))
    except UnknownConnection as error:
        error.where = error.where or f"environment variable {variable}"
        raise
    except ValueError:  # its text may hold the password
        fix = 'write it as Airflow does: JSON with "conn_type", "host", ..., or a URI with special characters escaped'
        raise UnknownConnection(f"the connection {name!r} can't be read", where=f"environment variable {variable}", fix=fix) from None


def from_fields(
    conn_type: str | None,
    host: str | None,
    port: int | str | None,
    login: str | None,
    password: str | None,
    schema: str | None,
    extra: Mapping[str, Any] | str | None,
) -> sa.URL:
    """The URL of an Airflow connection's fields; `extra` parsed, or as the JSON text that Airflow keeps.

    Of `extra`, `sqlalchemy_query` goes into the URL's query, and so do the settings of TLS (`sslmode`, `ssl`, ...): they
    must not be lost without a word. A `generic` connection gives the whole address as `sqlalchemy_url`.
    Raises UnknownConnection.
    """
    said = _extra(extra)
    kind = (conn_type or "").replace("-", "_")
    if kind == "generic" and said.get("sqlalchemy_url"):
        url = _driven(_made_url(str(said["sqlalchemy_url"]), "sqlalchemy_url of a connection"))
        return url.set(username=url.username or login or None, password=url.password or password or None)
    if kind in ("", "generic"):
        fix = "choose its type, or write sqlalchemy_url into the extra of a generic connection"
        raise UnknownConnection("the connection does not say what database it is", fix=fix)
    query = _tls(said) | {str(k): str(v) for k, v in (said.get("sqlalchemy_query") or {}).items()}
    database = databases.named(kind)
    if database and database.embedded:
        return _driven(sa.URL.create(kind, database=host or schema or None, query=query))
    try:
        number = int(port) if port else None
    except ValueError:
        raise UnknownConnection(
            "the port of the connection is not a number", fix="a port is a number, such as 5432"
        ) from None  # not quoted: it may be a part of a password
    return _driven(sa.URL.create(kind, login or None, password or None, host or None, number, schema or None, query))


def _driven(url: sa.URL) -> sa.URL:
    """`url` with the driver that Penstock talks through. Raises UnknownConnection when there can't be one."""
    backend = url.get_backend_name()
    if database := databases.named(backend):
        if database.embedded and url.database in (None, "", ":memory:"):
            fix = f"give the file's path as the connection's host, or a URL such as {database.url_form}"
            raise UnknownConnection(f"the {backend} connection names no file", fix=fix)
        return url.set(drivername=database.drivername)
    try:
        url.get_dialect()
    except (sa.exc.NoSuchModuleError, ImportError):
        fix = f"install the SQLAlchemy dialect of {url.drivername}, or write one of {_forms()}"
        raise UnknownConnection(f"SQLAlchemy knows no database called {url.drivername!r}", fix=fix) from None
    return url


def _forms() -> str:
    """An example of the URL of each database that can be used here."""
    *others, last = (database.url_form for database in databases.known())
    return f"{', '.join(others)} or {last}" if others else last


def _made_url(text: str, what: str) -> sa.URL:
    try:
        return sa.make_url(text)
    except (sa.exc.ArgumentError, ValueError):
        raise UnknownConnection(f"{text.split('://')[0]}://... can't be read as {what}", fix=f"write for instance {_forms()}") from None


def _extra(extra: Mapping[str, Any] | str | None) -> Mapping[str, Any]:
    try:
        said = json.loads(extra) if isinstance(extra, str) and extra else extra or {}
    except ValueError:
        said = None
    if not isinstance(said, Mapping) or not isinstance(said.get("sqlalchemy_query") or {}, Mapping):
        raise UnknownConnection("the connection's extra can't be read", fix="write it as a JSON object; sqlalchemy_query in it too")
    return said


def _tls(extra: Mapping[str, Any]) -> dict[str, str]:
    """The settings of TLS in an extra: libpq's and MySQL's own (`sslmode`, `ssl_ca`), and Airflow's `ssl` for MySQL."""
    settings = {k: str(v) for k, v in extra.items() if k.startswith("ssl") and isinstance(v, str | int) and v != ""}
    nested = extra.get("ssl")
    return settings | ({f"ssl_{k}": str(v) for k, v in nested.items()} if isinstance(nested, Mapping) else {})


def _json_fields(text: str) -> tuple[Any, ...]:
    said = json.loads(text)
    return tuple(said.get(k) for k in ("conn_type", "host", "port", "login", "password", "schema", "extra"))


def _uri_fields(text: str) -> tuple[Any, ...]:
    """A connection's fields from the URI that Airflow writes: every part escaped, extra in the query."""
    parts = urlsplit(text)
    # not .hostname: it lowers the case of what may be a path
    host = parts.netloc.rsplit("@", 1)[-1]
    host = host.rsplit(":", 1)[0] if parts.port is not None else host
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    extra = query.get("__extra__", query)
    login, password = (unquote(p) if p else None for p in (parts.username, parts.password))
    return parts.scheme, unquote(host.strip("[]")), parts.port, login, password, unquote(parts.path[1:]), extra
