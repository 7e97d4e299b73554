"""The journal numbers the readings of the source: no clock decides which is the later one, and the files of two never mix."""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace

import pytest

from penstock.errors import GateClosed, SwitchRefused
from penstock.runtime import events
from penstock.stages import approve, extract, plan
from penstock.stages.switch import switch
from penstock.state import evidence, journal, readings, staged_rows
from penstock.state.run_context import RunContext
from tests.support.data.shop import Shop


def rename(shop: Shop, name: str) -> None:
    """Give every customer this name, at the source."""
    with closing(sqlite3.connect(shop.folder / "shop.sqlite")) as db, db:
        db.execute("UPDATE customer SET name = ?", (name,))


def names(shop: Shop) -> set[object]:
    return {row[1] for row in shop.rows("customer")}


def clock(monkeypatch: pytest.MonkeyPatch, hours: int) -> None:
    """Set this worker's clock so many hours ahead."""

    def now() -> str:
        return (dt.datetime.now(dt.UTC) + dt.timedelta(hours=hours)).isoformat(timespec="microseconds")

    monkeypatch.setattr(journal, "now", now)


def test_a_run_is_live_though_the_run_before_it_had_a_fast_clock(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    clock(monkeypatch, hours=1)
    shop.run("r1")
    clock(monkeypatch, hours=0)
    rename(shop, "later")
    shop.run("r2")
    assert names(shop) == {"later"}


def test_the_reading_that_began_later_stays_live_though_the_other_switches_last_and_has_a_fast_clock(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock(monkeypatch, hours=1)
    first = shop.run("r1", stop_before_switch=True)
    clock(monkeypatch, hours=0)
    rename(shop, "later")
    shop.run("r2")
    assert shop.run("r1").plan.run == first.plan.run
    assert names(shop) == {"later"}


def test_what_a_paused_reading_writes_late_is_in_no_stage_and_in_no_table(shop: Shop) -> None:
    context = plan.plan(shop.request())
    tables = [t.name for t in context.plan.tables]
    paused = readings.begin(context, tables)
    rename(shop, "later")
    read = extract.extract(context, tables)
    assert {r.reading for r in read} == {2}
    for table in paused.plan.tables:  # the paused one goes on, and writes receipts that say other rows
        for receipt in (r for r in read if r.table == table.name):
            paused.staging.write_receipt(replace(receipt, reading=1, rows=0))
    found = staged_rows.ready(context).staging
    assert all(r.reading == 2 and r.rows for t in tables for r in found.receipts("extracted", t) if r.rows_in)
    shop.run()
    assert names(shop) == {"later"}


def test_rows_of_two_readings_close_the_proof(shop: Shop) -> None:
    def mixed(name: str, _: dict[str, object]) -> None:
        if name == "build.finished":
            with context.writing() as connection, connection.begin():
                loaded = journal.all_receipts(connection, "shop", "r1", "loaded")
                journal.write_receipt(connection, "shop", "r1", replace(loaded["customer", 0], reading=7))

    context = plan.plan(shop.request())
    with events.subscribed(mixed), pytest.raises(GateClosed) as closed:
        shop.run()
    assert any("two readings of the source" in line for line in closed.value.failed)


def forged_proof(context: RunContext) -> None:
    proof = evidence.PROOF.read(context.staging)
    first = replace(proof.tables[0], rows=proof.tables[0].rows + 1)
    evidence.PROOF.write(context.staging, replace(proof, tables=(first, *proof.tables[1:])))


def forged_verdict(context: RunContext) -> None:
    file = evidence.verdicts("loaded")
    evidence.verdicts("loaded").write(context.staging, tuple(replace(v, seconds=0.0) for v in file.read(context.staging)))


def forged_approval(context: RunContext) -> None:
    given = evidence.Approval(True, approve.APPROVE, "nobody", journal.now())
    evidence.APPROVAL.write(context.staging, given)


@pytest.mark.parametrize(
    ("forge", "file"), [(forged_proof, "proof.json"), (forged_verdict, "verdicts/loaded.json"), (forged_approval, "approval.json")]
)
def test_evidence_that_somebody_else_wrote_opens_nothing(shop: Shop, forge: Callable[[RunContext], None], file: str) -> None:
    migration = shop.write(extra="switch: {approval: true}") if file == "approval.json" else shop.write()
    context = shop.run(migration=migration, stop_before_switch=True)
    forge(context)
    with pytest.raises(SwitchRefused) as refused:
        switch.switch(context)
    assert f"{file} is not what this run has written" in refused.value.what and file in refused.value.where
    assert json.loads(context.staging.read_text(file)) and "customer" not in shop.tables()
