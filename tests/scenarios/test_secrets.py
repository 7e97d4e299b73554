"""No secret is shown anywhere: planted in every place that may hold one, and looked for in all that a run and its faults leave."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
import sqlalchemy as sa

from penstock.cli.commands import main

MARK = "Zq7"
"""Is in every planted secret, and in nothing else."""
SECRET = f"{MARK}/p@ss:w%rd"


def planted() -> set[str]:
    return {SECRET, quote(SECRET, safe=""), quote_plus(SECRET), MARK}


def searched(folder: Path, said: str, but: Path | None = None) -> list[str]:
    """Where a planted secret is found: in the name or the bytes of a file, or in what was said. but: the file that it was planted in."""
    found = ["said"] if any(s in said for s in planted()) else []
    for file in (f for f in folder.rglob("*") if f.is_file() and f != but):
        content = file.read_bytes()
        if any(s in str(file) or s.encode() in content for s in planted()):
            found.append(str(file.relative_to(folder)))
    return found


ESCAPED = quote(SECRET, safe="")
UNREACHABLE = {
    "the password of a URL": f"postgresql://u:{ESCAPED}@127.0.0.1:1/d",
    "the password of a URL, as a query": f"postgresql://u@127.0.0.1:1/d?password={ESCAPED}",
    "the password of a key file": f"postgresql://u:p@127.0.0.1:1/d?sslmode=require&sslpassword={ESCAPED}",
    "MariaDB's": f"mysql://u:{ESCAPED}@127.0.0.1:1/d",
    "MariaDB's, as a query": f"mysql://u@127.0.0.1:1/d?passwd={ESCAPED}",
    "a wrong port": f"postgresql://u:{MARK}@x@127.0.0.1:{MARK}/d",
    "an unknown database": f"oracel://u:{ESCAPED}@127.0.0.1:1/d",
}
CONNECTIONS = {
    "a connection's URI": f"postgres://u:{ESCAPED}@127.0.0.1:1/d",
    "a URI's extra": f"postgres://u@127.0.0.1:1/d?__extra__={quote(json.dumps({'sqlalchemy_query': {'password': SECRET}}))}",
    "a JSON password": json.dumps({"conn_type": "postgres", "host": "127.0.0.1", "port": 1, "login": "u", "password": SECRET}),
    "a JSON extra": json.dumps(
        {"conn_type": "postgres", "host": "127.0.0.1", "port": 1, "extra": {"sqlalchemy_query": {"passfile": SECRET}}}
    ),
    "another key of an extra": json.dumps(
        {"conn_type": "mysql", "host": "127.0.0.1", "port": 1, "extra": {"token": SECRET, "ssl_key": SECRET}}
    ),
    "a generic connection": json.dumps({"conn_type": "generic", "extra": {"sqlalchemy_url": f"postgresql://u:{ESCAPED}@127.0.0.1:1/d"}}),
    "a JSON port": json.dumps({"conn_type": "postgres", "host": "127.0.0.1", "port": f"{MARK}1", "login": "u"}),
    "broken JSON": json.dumps({"conn_type": "postgres", "password": SECRET})[:-1],
}


def write(folder: Path, **fields: object) -> Path:
    file = folder / "planted.yaml"
    file.write_text(json.dumps({"name": "planted", **fields}))
    return file


@pytest.mark.parametrize("place", UNREACHABLE)
@pytest.mark.parametrize("how", ["file", "argument"])
def test_a_url_that_can_not_be_reached(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, place: str, how: str
) -> None:
    caplog.set_level(logging.DEBUG)
    target = f"duckdb:///{tmp_path / 't.duckdb'}"
    url = UNREACHABLE[place]
    file = write(tmp_path, source=url if how == "file" else "elsewhere", target=target)
    more = [] if how == "file" else ["--source", url]
    assert main(["run", str(file), *more, "--staging", str(tmp_path / "staging")]) in (1, 5)
    assert searched(tmp_path, "".join(capfd.readouterr()) + caplog.text, but=file if how == "file" else None) == []


@pytest.mark.parametrize("place", CONNECTIONS)
def test_a_connection_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, place: str
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("AIRFLOW_CONN_PLANTED_DB", CONNECTIONS[place])
    file = write(tmp_path, source="planted_db", target=f"duckdb:///{tmp_path / 't.duckdb'}")
    for command in ("run", "check"):
        staged = ["--staging", str(tmp_path / "staging")] if command == "run" else []
        assert main([command, str(file), *staged]) in (1, 5)
    assert searched(tmp_path, "".join(capfd.readouterr()) + caplog.text) == []


def test_a_run_that_succeeds_and_one_that_fails_at_the_target(
    postgresql_url: sa.URL,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The password of a role, the keys of masks and of staged files, and the address of a webhook."""
    caplog.set_level(logging.INFO)
    engine = sa.create_engine(postgresql_url.set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t (id int PRIMARY KEY, mail text NOT NULL)")
        connection.exec_driver_sql("INSERT INTO t SELECT n, n || '@x' FROM generate_series(1, 50) AS n")
        connection.exec_driver_sql(f"CREATE ROLE planted LOGIN SUPERUSER PASSWORD '{SECRET}'".replace("%", "%%"))
    engine.dispose()
    monkeypatch.setenv("PENSTOCK_MASK_KEY", SECRET)
    monkeypatch.setenv("PENSTOCK_STAGING_KEY", SECRET + "2")
    said = {"conn_type": "postgres", "host": "127.0.0.1", "port": postgresql_url.port, "login": "planted", "password": SECRET}
    monkeypatch.setenv("AIRFLOW_CONN_PLANTED_DB", json.dumps(said | {"schema": postgresql_url.database}))
    monkeypatch.setenv("AIRFLOW_CONN_PLANTED_HOOK", f"https://u:{ESCAPED}@127.0.0.1:1/hook?token={ESCAPED}")
    steps = {"include": ["t"], "t": {"to": "arrived", "transform": [{"mask": {"mail": "sha256"}}]}}
    file = write(tmp_path, source="planted_db", target="planted_db", tables=steps, notify=[{"webhook": {"connection": "planted_hook"}}])
    staged = ["--staging", str(tmp_path / "staging")]
    try:
        code = main(["run", str(file), *staged])
        told = "".join(capfd.readouterr())
        assert code == 0, told
        monkeypatch.setenv("AIRFLOW_CONN_PLANTED_DB", json.dumps(said | {"schema": postgresql_url.database, "password": f"wrong {SECRET}"}))
        assert main(["run", str(file), "--new", *staged]) == 5
        told += "".join(capfd.readouterr()) + caplog.text
        assert "password authentication failed" in told
        assert list(tmp_path.rglob("report.html")) and list(tmp_path.rglob("plan.json"))
        assert searched(tmp_path, told) == []
    finally:
        with engine.begin() as connection:
            connection.exec_driver_sql("DROP TABLE IF EXISTS t")
            connection.exec_driver_sql("REASSIGN OWNED BY planted TO CURRENT_USER")
            connection.exec_driver_sql("DROP OWNED BY planted")
            connection.exec_driver_sql("DROP ROLE planted")
