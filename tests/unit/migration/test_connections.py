"""Connections: ids and URLs become SQLAlchemy URLs with the right driver, and nothing shows a password."""

from __future__ import annotations

import json
import subprocess
import sys
from urllib.parse import quote

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from penstock.errors import UnknownConnection
from penstock.migration.connections import from_fields, resolve

PASSWORD = "p:/@%é#[secret]"


@pytest.mark.parametrize(
    ("text", "drivername"),
    [
        ("postgres://u@h/d", "postgresql+psycopg"),
        ("postgresql://u@h:5433/d", "postgresql+psycopg"),
        ("postgresql+psycopg2://u@h/d", "postgresql+psycopg"),
        ("mysql://u@h/d", "mysql+mysqldb"),
        ("mysql+pymysql://u@h/d", "mysql+mysqldb"),
        ("mariadb://u@h/d", "mysql+mysqldb"),
        ("sqlite:////tmp/X.db", "sqlite"),
        ("duckdb:///rel/X.duckdb", "duckdb"),
        ("mssql+pyodbc://u@h/d", "mssql+pyodbc"),
    ],
)
def test_url_gets_the_driver_that_penstock_uses(text: str, drivername: str) -> None:
    url = resolve(text)
    assert url.drivername == drivername
    assert url.database == sa.make_url(text).database and url.host == sa.make_url(text).host and url.port == sa.make_url(text).port


def test_url_keeps_its_query_and_its_password_to_itself() -> None:
    url = resolve(f"postgresql://u:{quote(PASSWORD, safe='')}@h/d?sslmode=require")
    assert url.password == PASSWORD and url.query == {"sslmode": "require"}
    assert "secret" not in repr(url) and "secret" not in str(url)
    assert resolve(url.render_as_string(hide_password=False)) == url


@pytest.mark.parametrize("path", ["/tmp/A b.db", "rel/X.db", "X.db", "/tmp/100%.db", "/tmp/名.db"])
@pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
def test_file_is_named_by_host_or_schema_and_its_path_is_kept(kind: str, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert from_fields(kind, path, None, None, None, None, {}).database == path
    assert from_fields(kind, "", None, None, None, path, {}).database == path
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", json.dumps({"conn_type": kind, "host": path}))
    assert resolve("shop").database == path
    for uri in (f"{kind}://{quote(path, safe='')}", f"{kind}:///{quote(path, safe='')}"):
        monkeypatch.setenv("AIRFLOW_CONN_SHOP", uri)
        assert resolve("shop").database == path


@given(st.text(min_size=1).filter(lambda s: not s.startswith("\0")), st.text(min_size=1), st.text(min_size=1))
def test_any_login_password_and_database_arrive_as_they_are(login: str, password: str, database: str) -> None:
    url = from_fields("postgres", "h", "5432", login, password, database, None)
    assert (url.username, url.password, url.database, url.port) == (login, password, database, 5432)


def test_id_is_read_from_the_environment_as_json_or_uri(monkeypatch: pytest.MonkeyPatch) -> None:
    fields = {"conn_type": "postgres", "login": "u@x", "password": PASSWORD, "host": "h", "port": 5433, "schema": "d b"}
    extra = {"sqlalchemy_query": {"application_name": "penstock"}, "sslmode": "verify-full", "unrelated": 1}
    expected = sa.URL.create(
        "postgresql+psycopg", "u@x", PASSWORD, "h", 5433, "d b", {"application_name": "penstock", "sslmode": "verify-full"}
    )
    for written in (extra, json.dumps(extra)):
        monkeypatch.setenv("AIRFLOW_CONN_SHOP_SOURCE", json.dumps(fields | {"extra": written}))
        assert resolve("shop_source") == expected == resolve("Shop_Source")
    start = f"postgres://u%40x:{quote(PASSWORD, safe='')}@h:5433/d%20b?"
    monkeypatch.setenv("AIRFLOW_CONN_SHOP_SOURCE", f"{start}__extra__={quote(json.dumps(extra), safe='')}")
    assert resolve("shop_source") == expected
    monkeypatch.setenv("AIRFLOW_CONN_SHOP_SOURCE", f"{start}sslmode=verify-full")
    assert resolve("shop_source").query == {"sslmode": "verify-full"}
    monkeypatch.setenv("AIRFLOW_CONN_SHOP_SOURCE", "mysql://root@%3A%3A1/s")
    assert resolve("shop_source").host == "::1"


def test_settings_of_tls_are_not_lost() -> None:
    extra = {"ssl": {"ca": "/ca.pem", "cert": "/c.pem"}, "ssl_mode": "VERIFY_IDENTITY"}
    assert from_fields("mysql", "h", None, "u", None, "d", extra).query == {
        "ssl_ca": "/ca.pem", "ssl_cert": "/c.pem", "ssl_mode": "VERIFY_IDENTITY",
    }  # fmt: skip


def test_generic_connection_gives_the_whole_address_but_the_password() -> None:
    url = from_fields("generic", None, None, "u", PASSWORD, None, {"sqlalchemy_url": "mysql://h/d"})
    assert url == sa.URL.create("mysql+mysqldb", "u", PASSWORD, "h", None, "d")


def test_unknown_connection_says_what_to_define() -> None:
    with pytest.raises(UnknownConnection, match="no connection 'nowhere'") as caught:
        resolve("nowhere")
    assert "AIRFLOW_CONN_NOWHERE" in caught.value.fix and "postgresql://user@host" in caught.value.fix


@pytest.mark.parametrize(
    "written",
    [
        f'{{"conn_type": "postgres", "password": "{PASSWORD}"',
        f'{{"host": "h", "password": "{PASSWORD}"}}',
        f'{{"conn_type": "postgres", "password": "{PASSWORD}", "port": "many"}}',
        f'{{"conn_type": "postgres", "password": "{PASSWORD}", "extra": "[1"}}',
        f'{{"conn_type": "postgres", "password": "{PASSWORD}", "extra": {{"sqlalchemy_query": 5}}}}',
        f'{{"conn_type": "postgress", "password": "{PASSWORD}"}}',
        f'{{"conn_type": "sqlite", "password": "{PASSWORD}"}}',
        f'{{"conn_type": "generic", "password": "{PASSWORD}"}}',
        "postgres://u:secret@h:many/d",
        "postgres://u:secret@[h/d",
        "u:secret@h/d",
    ],
)
def test_connection_that_can_not_be_read_says_where_and_shows_no_password(written: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", written)
    with pytest.raises(UnknownConnection) as caught:
        resolve("shop")
    assert "AIRFLOW_CONN_SHOP" in caught.value.where and caught.value.fix
    assert "secret" not in str(caught.value) and caught.value.__suppress_context__ | (caught.value.__context__ is None)


@pytest.mark.parametrize("text", ["postgres//://secret", "nodb://u:secret@h/d", "sqlite://", "duckdb:///:memory:", "://secret"])
def test_text_that_is_no_database_is_refused(text: str) -> None:
    with pytest.raises(UnknownConnection) as caught:
        resolve(text)
    assert caught.value.fix and "secret" not in str(caught.value)


def test_airflow_is_not_imported() -> None:
    program = "import sys; from penstock.migration import connections; connections.resolve('sqlite:///x'); print('airflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip() == "False"
