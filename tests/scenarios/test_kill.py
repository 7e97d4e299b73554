"""Every stage may be killed at any moment and the run started again: the end is the same, and nothing is there twice."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import sqlalchemy as sa

from penstock import databases
from penstock.model.pipeline import LIVE
from penstock.runtime import events
from tests.support.data.shop import TABLES, Shop, fill
from tests.support.repository import REPO

_STEPS = "  order: {transform: [{derive: {half: id / 2}}, {mask: {note: sha256}}]}"
_OUTSIDE = {"undo.finished", "redrive.loaded", "redrive.finished"}  # of other commands
_BUSY = {"locks.refused", "locks.ended"}  # of live tables that others hold: tests/scenarios/test_readers.py
_REPAIR = {"compare.started", "compare.chunk", "compare.finished"}  # of repairs: tests/scenarios/test_repair.py
_AGAIN = {"extract.kept", "transform.kept", "load.kept"}  # of runs that were killed before
_BAD = {"quarantine.written", "load.attempted"}  # of runs with bad rows: tests/scenarios/test_bad_rows.py

Start = Callable[[Shop, str, int], int]


@pytest.fixture(scope="module")
def start() -> Iterator[Start]:
    """start(shop, event, n): run the shop's migration, killed at the n-th event. Answers the exit code."""
    command = [sys.executable, "-m", "tests.support.kill_at"]
    with subprocess.Popen(command, cwd=REPO, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin and server.stdout

        def run(shop: Shop, event: str, times: int) -> int:
            assert server.stdin and server.stdout
            server.stdin.write(
                json.dumps([event, times, str(shop.file), str(shop.folder / "staging"), str(shop.folder / "none"), "r1"]) + "\n"
            )
            server.stdin.flush()
            code = int(server.stdout.readline())
            assert code in (0, -signal.SIGKILL), f"killed at {event}: the run itself failed"
            return code

        yield run
        server.stdin.close()


def proof(shop: Shop) -> dict[str, str]:
    records = json.loads((shop.folder / "staging" / "shop" / "r1" / "proof.json").read_text())
    return {p["table"]: p["target"] for p in records}


@pytest.fixture(scope="module")
def undisturbed(start: Start, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The digests of a run that nobody killed."""
    folder = tmp_path_factory.mktemp("undisturbed")
    fill(folder / "shop.sqlite")
    whole = Shop(folder, sa.make_url(f"sqlite:///{folder}/shop.sqlite"), sa.make_url(f"duckdb:///{folder}/shop.duckdb"))
    whole.write(_STEPS, "chunk: 16KiB")
    assert start(whole, "none", 1) == 0
    return proof(whole)


# Where DDL commits by itself, and where servers outlive their client, the moments that could go wrong there.
_ON_SERVERS = (
    "prepare.finished",
    "load.batch",
    "load.chunk",
    "build.statement",
    "gate.decided",
    "switch.started",
    "switch.statement",
    "switch.finished",
)
_LIVE = {name for stage in LIVE for name in stage.emits}  # tests/scenarios/live kills those
_CASES = [("duckdb", name) for name in events.NAMES if name not in _OUTSIDE | _BUSY | _BAD | _AGAIN | _REPAIR | _LIVE]
_CASES += [(server, name) for server in ("mariadb", "postgresql") for name in _ON_SERVERS]


@pytest.mark.parametrize(("target", "event"), _CASES)
def test_killed_run_ends_the_same_when_started_again(
    target: str, event: str, shop: Shop, start: Start, undisturbed: dict[str, str], request: pytest.FixtureRequest
) -> None:
    if target != "duckdb":
        shop = replace(shop, target=request.getfixturevalue(f"{target}_url"))
    shop.write(_STEPS, "chunk: 16KiB")
    assert start(shop, event, 1) == -signal.SIGKILL, f"{event} never happened"
    start(shop, event, 2)  # killed once more, further on, where the event happens again
    assert start(shop, "none", 1) == 0
    assert proof(shop) == undisturbed
    for table in TABLES:
        assert len(shop.rows(table, order="1")) == int(undisturbed[table].split(":")[0])
    if target != "duckdb":  # which has none
        engine = databases.of(shop.target).engine(shop.target)
        referred = {t: {k["referred_table"] for k in sa.inspect(engine).get_foreign_keys(t)} for t in ("order", 'item of "%s" order')}
        engine.dispose()
        assert referred == {"order": {"customer"}, 'item of "%s" order': {"order"}}
    assert not [t for t in shop.tables() if t.startswith(("penstock_new", "penstock_old"))]
