"""A follower that is killed, cut off or stopped by what it finds: nothing is left out, nothing comes twice, and the cause is named."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from penstock import live
from penstock.errors import LeaseHeld, LoadFailed, SchemaChanged, StagingDamaged, StreamLost
from penstock.runtime import events
from penstock.stages.live import capture
from penstock.stages.live.follow import Progress, Until
from penstock.state import lease, run_files
from tests.support.live import Live


def small(shop: Live, extra: str = "") -> None:
    shop.do(f"CREATE TABLE t (id int PRIMARY KEY, a text, n numeric(8,2){extra})")
    shop.do("INSERT INTO t SELECT i, 'a' || i, i FROM generate_series(1, 100) i")


def test_a_changed_table_stops_the_stream_after_what_was_committed_before(shop: Live) -> None:
    small(shop)
    shop.loaded()
    shop.do(
        "INSERT INTO t VALUES (200, 'before', 1)",
        "UPDATE t SET a = 'before' WHERE id = 1",
        "ALTER TABLE t ADD COLUMN c int DEFAULT 7",
        "INSERT INTO t VALUES (201, 'after', 1, 1)",
    )
    for _ in range(2):
        with pytest.raises(SchemaChanged) as stopped:
            shop.follow()
        assert (stopped.value.table, stopped.value.column) == ("t", "c")
        assert shop.shadow("SELECT count(*), count(*) FILTER (WHERE a = 'before') FROM t") == [(101, 2)]


def test_a_dropped_slot_and_lost_staging_stop_and_say_what_to_do(shop: Live) -> None:
    small(shop)
    context = shop.loaded()
    shop.do("INSERT INTO t VALUES (200, 'x', 1)")
    with pytest.raises(_Killed), events.subscribed(_fails_at("follow.idle")):
        shop.follow()
    context.staging.delete(run_files.CHANGES)
    with pytest.raises(StagingDamaged, match="not what was written"):
        shop.follow()
    shop.do("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = current_database()")
    shop.target.execute("UPDATE penstock_streams SET staged = applied")
    with pytest.raises(StreamLost, match="penstock run --new"):
        shop.follow()


class _Killed(BaseException):
    """Ends a process as a signal would: no subscriber may stop a run in another way."""


def _fails_at(name: str):  # type: ignore[no-untyped-def]
    def fail(event: str, facts: dict[str, object]) -> None:
        if event == name:
            raise _Killed

    return fail


@pytest.mark.parametrize("event", ["follow.started", "follow.staged", "follow.idle", "follow.applied"])
def test_killed_at_any_moment_the_next_process_goes_on_without_a_gap(shop: Live, event: str) -> None:
    small(shop)
    shop.do("CREATE TABLE log (id serial PRIMARY KEY, at timestamptz DEFAULT now())")
    shop.loaded()
    for n in range(3):
        shop.do(
            f"INSERT INTO log DEFAULT VALUES; UPDATE t SET n = n + 1; INSERT INTO t VALUES ({200 + n}, 'x', 0); DELETE FROM t WHERE id = {n + 1}"
        )
        with pytest.raises(_Killed), events.subscribed(_fails_at(event)):
            shop.follow()
    shop.follow()
    assert shop.same("t", "log")
    assert shop.follow().changes == 0


def test_killed_within_a_transaction_nothing_of_it_is_staged(shop: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its changes share one position: there is no other place to go on from than before all of them."""
    small(shop)
    context = shop.loaded()
    monkeypatch.setattr(capture, "_PIECE", 1000)
    flushed, left = capture._Open.flush, iter(range(3))

    def flush(made: capture._Open) -> None:
        if next(left, None) is None:
            raise _Killed
        flushed(made)

    monkeypatch.setattr(capture._Open, "flush", flush)
    shop.do("UPDATE t SET n = n + 1; DELETE FROM t WHERE id % 2 = 0; INSERT INTO t SELECT i, 'new', 0 FROM generate_series(200, 400) i")
    with pytest.raises(_Killed):
        shop.follow()
    assert not context.staging.files(run_files.CHANGES)
    monkeypatch.setattr(capture._Open, "flush", flushed)
    shop.follow()
    assert shop.same("t")


def test_a_process_that_is_killed_leaves_no_gap(shop: Live) -> None:
    """By SIGKILL, at any instruction, while writers go on; and what it had open at both ends is gone for the next one."""
    small(shop)
    shop.do("CREATE TABLE log (id bigserial PRIMARY KEY, n int)")
    shop.loaded()
    command = [sys.executable, "-m", "penstock.cli", "follow", str(shop.folder / "shop.yaml"), "--staging", shop.root]
    for n in range(3):
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            until = time.monotonic() + 2 + n * 0.37
            while time.monotonic() < until:
                shop.do("INSERT INTO log (n) SELECT generate_series(1, 50); UPDATE t SET n = n + 1; DELETE FROM log WHERE id % 7 = 0")
                time.sleep(0.02)
            process.kill()
    applied = shop.target.execute("SELECT round FROM penstock_streams").fetchone()
    assert applied and applied[0] > 0
    shop.follow()
    assert shop.same("t", "log")


def test_a_slot_that_fell_too_far_behind_is_named_with_what_to_do(shop: Live) -> None:
    small(shop)
    shop.loaded()
    try:
        shop.do("ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'", "SELECT pg_reload_conf()")
        for _ in range(8):
            shop.do("INSERT INTO t SELECT max(id) + 1, 'x', 0 FROM t", "SELECT pg_switch_wal()")
        shop.do("CHECKPOINT")
        with pytest.raises(StreamLost) as lost:
            shop.follow()
    finally:
        shop.do("ALTER SYSTEM RESET max_slot_wal_keep_size", "SELECT pg_reload_conf()")
    assert "max_slot_wal_keep_size" in lost.value.why and "penstock run --new" in lost.value.fix
    shop.loaded("r2")
    shop.do("UPDATE t SET a = 'again'")
    shop.follow("r2")
    assert shop.same("t")


def test_a_lost_connection_is_made_again(shop: Live) -> None:
    small(shop)
    shop.loaded()
    sessions = (
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    ended, cut = list[int](), [shop.source, shop.target]

    def told(progress: Progress) -> None:
        if cut:
            found = cut.pop().execute(sessions).fetchone()
            ended.append(found[0] if found else 0)
            shop.do("UPDATE t SET n = n + 1")

    context = shop.request().reopened()
    for _ in range(10):  # a follower may be between two connections when it is looked for
        if cut:
            shop.do("UPDATE t SET n = n + 1")
            live.follow(context, Until(seconds=3), told)
    assert not cut and all(ended)
    shop.follow()
    assert shop.same("t")


def test_only_one_process_follows_a_run(shop: Live) -> None:
    small(shop)
    context = shop.loaded()
    with lease.held(context, lease.WHOLE_RUN, "somebody"), pytest.raises(LeaseHeld):
        shop.follow()


def test_a_value_that_breaks_a_rule_of_the_target_stops_the_stream_by_name(shop: Live) -> None:
    small(shop)
    shop.loaded()
    shop.target.execute("ALTER TABLE penstock_new_shop.t ADD CHECK (n < 1000)")
    shop.do("INSERT INTO t VALUES (200, 'good', 1)", "INSERT INTO t VALUES (201, 'bad', 1000)")
    with pytest.raises(LoadFailed, match="refused changes") as refused:
        shop.follow()
    assert refused.value.where == "table t" and shop.shadow("SELECT count(*) FROM t") == [(100,)]
    shop.target.execute("ALTER TABLE penstock_new_shop.t DROP CONSTRAINT t_n_check")
    shop.follow()
    assert shop.same("t")
