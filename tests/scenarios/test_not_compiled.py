"""Where nothing could be compiled, a run moves and proves the same rows in Python, and says so once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from tests.support.data.shop import fill
from tests.support.repository import REPO

HIDDEN = """
import sys
if sys.argv.pop(1) == "plain":
    sys.modules |= dict.fromkeys(["penstock._native", "penstock._sqlite", "penstock._mysql"])
from penstock.cli.commands import main
sys.exit(main(sys.argv[1:]))
"""
TYPES = """
CREATE TABLE everything (id bigint PRIMARY KEY, small smallint, amount numeric(12,2), wide numeric(60,20), ratio double precision, single real,
  word varchar(20), padded char(5), note text, raw bytea, day date, at timestamp, instant timestamptz, clock time, ok boolean, u uuid, doc jsonb);
INSERT INTO everything SELECT n, n % 100, n / 7.0, n * 1e30 + 1 / 3.0, n / 3.0, n / 9.0, 'word ' || n, 'ab', E'tab\\t\\\\N "quoted" ü' || n,
  decode(lpad(to_hex(n), 8, '0'), 'hex'), date '2000-02-29' + n, timestamp '1999-12-31 23:59:59.999999' + n * interval '1 hour',
  timestamptz '2024-03-31 01:30:00+00' + n * interval '1 minute', time '00:00' + n * interval '1 second', n % 2 = 0,
  md5(n::text)::uuid, jsonb_build_object('n', n) FROM generate_series(1, 500) AS n;
INSERT INTO everything (id) VALUES (0), (-1);
INSERT INTO everything (id, ratio, single, word, note) VALUES (-2, 'NaN', 'Infinity', '', '');
"""


def ran(folder: Path, how: str, source: sa.URL, target: sa.URL) -> tuple[str, dict[str, str]]:
    """What `penstock run` has logged, and the digests of all that it has moved, by stage, table and chunk."""
    addresses = {end: url.render_as_string(hide_password=False) for end, url in (("source", source), ("target", target))}
    (folder / how).mkdir()
    file = folder / how / "m.yaml"
    file.write_text(json.dumps({"name": "m", **addresses, "staging": str(folder / how / "staging")}))
    paths = [REPO, *(REPO / name for name in ("operators", "expectations", "plugins"))]
    known = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, paths))}
    command = [sys.executable, "-c", HIDDEN, how, "run", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=known, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    receipts = [json.loads(p.read_text()) for p in (folder / how / "staging").rglob("*.json")]
    found = [r for r in receipts if isinstance(r, dict) and "digest" in r and "chunk" in r]
    return done.stderr, {f"{r['stage']} {r['table']} {r['chunk']}": r["digest"] for r in found}


def both(folder: Path, source: sa.URL, plain: sa.URL, compiled: sa.URL) -> None:
    said, digests = ran(folder, "plain", source, plain)
    assert said.count("is not compiled here") == 1
    unsaid, expected = ran(folder, "compiled", source, compiled)
    assert "compiled" not in unsaid
    assert digests == expected != {}


def test_sqlite_is_moved_to_sqlite(tmp_path: Path) -> None:
    fill(tmp_path / "shop.sqlite")
    source, *targets = (sa.make_url(f"sqlite:///{tmp_path}/{name}.sqlite") for name in ("shop", "plain", "compiled"))
    both(tmp_path, source, *targets)


def test_postgresql_is_moved_to_postgresql(postgresql_url: sa.URL, tmp_path: Path) -> None:
    with psycopg.connect(postgresql_url.set(drivername="postgresql").render_as_string(hide_password=False), autocommit=True) as server:
        server.execute(TYPES)
        names = [f"{postgresql_url.database}_{how}" for how in ("plain", "compiled")]
        for name in names:
            server.execute(f"CREATE DATABASE {name}")
        try:
            both(tmp_path, postgresql_url, *(postgresql_url.set(database=name) for name in names))
            rows = [content(postgresql_url.set(database=name)) for name in (postgresql_url.database, *names)]
            assert len(rows[0]) == 503 and rows[0] == rows[1] == rows[2]
        finally:
            for name in names:
                server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def content(url: sa.URL) -> list[tuple[str, ...]]:
    with psycopg.connect(url.set(drivername="postgresql").render_as_string(hide_password=False)) as session:
        return session.execute("SELECT everything::text FROM everything ORDER BY id").fetchall()


@pytest.mark.parametrize("value", ["'infinity'::date", "'0044-03-15 BC'::date"])
def test_a_value_that_can_not_be_carried_is_named(postgresql_url: sa.URL, tmp_path: Path, value: str) -> None:
    with psycopg.connect(postgresql_url.set(drivername="postgresql").render_as_string(hide_password=False), autocommit=True) as server:
        server.execute(f"CREATE TABLE t (id int PRIMARY KEY, day date); INSERT INTO t VALUES (1, {value})")
    with pytest.raises(AssertionError) as failed:
        ran(tmp_path, "plain", postgresql_url, sa.make_url(f"sqlite:///{tmp_path}/t.sqlite"))
    assert "a value of day is not a date" in str(failed.value) and f"'{value.split(chr(39))[1]}' in the row" in str(failed.value)
