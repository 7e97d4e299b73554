"""One process at a time works on a run; one that lost its lease writes nothing. At every database that can be a target."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from penstock import databases
from penstock.errors import LeaseHeld, LeaseLost, PenstockError
from penstock.stages import plan
from penstock.state import journal_tables, lease, process_identity
from penstock.state.process_identity import ProcessIdentity
from penstock.state.run_context import RunContext
from tests.support.data.shop import Shop

ELSEWHERE = ProcessIdentity("worker-2", "another machine", 4711, "1", "airflow", "penstock run")
SERVERS = ("postgresql", "mariadb")


@pytest.fixture(params=["sqlite", "duckdb", *SERVERS])
def context(request: pytest.FixtureRequest, shop: Shop) -> RunContext:
    """A planned run."""
    if request.param in SERVERS:
        shop = replace(shop, target=request.getfixturevalue(f"{request.param}_url"))
    elif request.param == "sqlite":
        shop = replace(shop, target=sa.make_url(f"sqlite:///{shop.folder}/target.sqlite"))
    return plan.plan(shop.request())


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """here(identity): let this process be that one, for those who take leases from now on."""
    yield lambda identity: monkeypatch.setattr(process_identity, "current", lambda does: replace(identity, does=does))


def leases(context: RunContext) -> list[lease.Held]:
    with context.writing() as connection, connection.begin():
        return lease.of(connection, context.plan.migration)


def make_over(context: RunContext) -> None:
    """Let the time of every lease be over, as when their holders had not renewed them."""
    with replace(context, lease=None).writing() as connection, connection.begin():
        connection.execute(journal_tables.LEASES.update().values(until=0))


def test_a_second_process_is_refused_at_once_and_named_who_has_it(context: RunContext) -> None:
    began = time.monotonic()
    with lease.held(context, "run", "penstock run"):
        (mine,) = leases(context)
        with pytest.raises(LeaseHeld) as refused, lease.held(context, "run", "penstock run"):
            pytest.fail("two processes have the lease")
    assert time.monotonic() - began < 30 and refused.value.retryable and refused.value.run == "r1"
    assert "another process is working on the run r1" in refused.value.what
    assert f"process {mine.holder.pid} on {mine.holder.host} (user {mine.holder.user}, penstock run)" in refused.value.why
    assert leases(context) == []
    with lease.held(context, "run", "penstock run"):
        pass


def test_parts_of_a_run_go_on_beside_each_other_but_not_beside_the_whole(context: RunContext) -> None:
    with lease.held(context, "load 1", "a task"), lease.held(context, "load 2", "a task"):
        assert {held.place for held in leases(context)} == {"load 1", "load 2"}
        for place in ("load 1", "run"):
            with pytest.raises(LeaseHeld), lease.held(context, place, "a task"):
                pytest.fail("two processes have the lease")


@pytest.mark.parametrize("own_shadows", [False, True])
def test_another_run_waits_only_where_both_load_into_the_same_shadows(context: RunContext, own_shadows: bool) -> None:
    context = replace(context, plan=replace(context.plan, own_shadows=own_shadows))
    other = replace(context, plan=replace(context.plan, run="r2"))
    with lease.held(context, "run", "penstock run"), ExitStack() as stack:
        if own_shadows:
            stack.enter_context(lease.held(other, "run", "penstock run"))
            assert {held.run for held in leases(context)} == {"r1", "r2"}
        else:
            with pytest.raises(LeaseHeld) as refused:
                stack.enter_context(lease.held(other, "run", "penstock run"))
            assert refused.value.run == "r1"


def test_a_holder_that_did_not_renew_is_taken_over_and_can_neither_begin_nor_commit(context: RunContext, here: Any) -> None:
    here(ELSEWHERE)
    embedded = context.target.embedded
    with pytest.raises(LeaseLost), lease.held(context, "run", "penstock run") as old, ExitStack() as stack:
        if not embedded:  # a file would be locked: nobody else could take over anything
            connection = stack.enter_context(old.writing())
            transaction = connection.begin()
            connection.execute(journal_tables.TURNS.insert().values(migration="left open", turn=1))
        make_over(context)
        new = stack.enter_context(lease.held(context, "run", "penstock run"))
        with new.writing() as writing, writing.begin():  # no lock of the old holder is waited for
            writing.execute(journal_tables.TURNS.insert().values(migration="left open", turn=2))
        if not embedded:
            with pytest.raises((PenstockError, sa.exc.DBAPIError)):
                transaction.commit()
        with old.writing() as late, late.begin():
            pytest.fail("a transaction of the old holder has begun")
    with context.writing() as connection, connection.begin():
        assert [tuple(r) for r in connection.execute(sa.select(journal_tables.TURNS)).fetchall()] == [("left open", 2)]


def test_a_process_of_this_machine_that_has_ended_is_taken_over_at_once(context: RunContext, here: Any) -> None:
    mine = process_identity.current("penstock run")
    here(replace(mine, pid=2**22 - 3))
    with pytest.raises(LeaseLost), lease.held(context, "run", "penstock run") as old:
        here(mine)
        with lease.held(context, "run", "penstock run"):
            pass
        with old.writing() as connection, connection.begin():
            pytest.fail("a transaction of the old holder has begun")


def test_a_lease_is_renewed_while_its_holder_works(context: RunContext, monkeypatch: pytest.MonkeyPatch) -> None:
    if context.target.embedded:
        pytest.skip("nothing renews a lease in a file")
    monkeypatch.setattr(lease, "_RENEWED", 0.1)
    with lease.held(context, "run", "penstock run"):
        make_over(context)
        until = time.monotonic() + 10
        while leases(context)[0].until == 0 and time.monotonic() < until:
            time.sleep(0.1)
        assert leases(context)[0].until > time.time() - 3600


def test_whoever_takes_over_from_one_killed_while_it_took_over_ends_the_first_one_s_sessions_too(context: RunContext, here: Any) -> None:
    if context.target.embedded:
        pytest.skip("a file has no sessions")
    here(ELSEWHERE)
    with (
        pytest.raises((PenstockError, sa.exc.DBAPIError)),
        lease.held(context, "run", "penstock run") as first,
        first.writing() as connection,
    ):
        transaction = connection.begin()
        connection.execute(journal_tables.TURNS.insert().values(migration="left open", turn=1))
        (held,) = leases(context)
        with context.writing() as writing, writing.begin():  # the second one has written its row, and is killed before it ends sessions
            killed = {"token": "0" * 16, "ends": f'["{held.token}"]', "until": 0}
            writing.execute(journal_tables.LEASES.update().where(journal_tables.LEASES.c.token == held.token).values(**killed))
        with lease.held(context, "run", "penstock run"):
            transaction.commit()
    with context.writing() as connection, connection.begin():
        assert connection.execute(sa.select(journal_tables.TURNS)).fetchall() == []


def test_every_target_without_a_file_has_a_clock_and_can_end_sessions() -> None:
    for database in databases.known():
        if not database.embedded:
            assert database.clock and type(database).end_sessions is not databases.Database.end_sessions, database.label
