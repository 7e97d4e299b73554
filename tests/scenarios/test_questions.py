"""The one question of a backfill: of many runs that come to it at once exactly one asks, and an answer covers only what was looked at."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest
import sqlalchemy as sa

from penstock import databases
from penstock.state import approvals, journal
from penstock.state.approvals import Asked
from penstock.state.evidence import Decision, Outcome, Verdict

RUNS = 4


@pytest.fixture(params=["postgresql", "mariadb"])
def target(request: pytest.FixtureRequest) -> sa.Engine:
    url: sa.URL = request.getfixturevalue(f"{request.param}_url")
    engine = databases.of(url).engine(url)
    with engine.connect() as connection:
        journal.create(connection)
    return engine


def verdict(table: str, decision: Decision) -> Verdict:
    outcomes = tuple(Outcome(code, "expect", ("weight",), "warning", met, False, "", "") for code, met in (("mean", False), ("top", True)))
    return Verdict(table, "loaded", f"{table}.loaded", None, decision, 0.1, outcomes)


def question(run: int, backfill: str = "3 of today") -> Asked:
    return Asked("shop", backfill, f"run {run}", journal.now())


def test_of_many_runs_at_once_one_asks_and_the_others_find_its_question(target: sa.Engine) -> None:
    ready = Barrier(RUNS)

    def come(run: int) -> str:
        with target.connect() as connection:
            ready.wait()
            return approvals.ask(connection, question(run)).run

    with ThreadPoolExecutor(RUNS) as runs:
        asking = set(runs.map(come, range(RUNS)))
    assert len(asking) == 1
    with target.connect() as connection:
        assert approvals.ask(connection, question(9)).run in asking
        assert approvals.ask(connection, question(9, "4 of today")).run == "run 9"  # another backfill has a question of its own


def test_an_answer_is_what_every_run_finds_and_a_late_one_changes_nothing(target: sa.Engine) -> None:
    with target.connect() as connection:
        asked = approvals.ask(connection, question(1))
        answered = replace(asked, answer="Approve", by="ana", at=journal.now(), rejected=2, warned=("t.loaded.x",))
        approvals.answer(connection, answered)
        assert approvals.ask(connection, question(2)) == answered
        assert not approvals.take_over(connection, asked, question(2))
        approvals.answer(connection, replace(question(2), answer="Reject"))
        assert approvals.ask(connection, question(3)) == answered


def test_a_run_that_asks_no_longer_is_replaced_by_one_other(target: sa.Engine) -> None:
    with target.connect() as connection:
        lost = approvals.ask(connection, question(1))
        assert approvals.take_over(connection, lost, question(2))
        assert not approvals.take_over(connection, lost, question(3))
        assert approvals.ask(connection, question(3)).run == "run 2"


@pytest.mark.parametrize(
    ("rejected", "warned", "told"),
    [
        (0, (), ""),
        (2, ("t.loaded.x",), ""),
        (3, (), "3 rows rejected, and 2 when it was given"),
        (0, ("t.loaded.x", "u.loaded.y"), "1 expectation warned that had not: u.loaded.y"),
    ],
)
def test_what_nobody_has_seen_is_not_approved(rejected: int, warned: tuple[str, ...], told: str) -> None:
    approved = replace(question(1), answer="Approve", rejected=2, warned=("t.loaded.x",))
    assert approvals.beyond(approved, rejected, warned) == told


def test_the_expectations_that_warned_are_named_by_table_stage_and_code() -> None:
    verdicts = [verdict("log", "warn"), verdict("order", "go")]
    assert approvals.warned(verdicts) == ("log.loaded.mean",)
