"""The proof of a moving source, and the switch of a live migration: no acknowledged write is lost, and one side is writable."""

from __future__ import annotations

import threading
import time

import psycopg
import pytest

from penstock import live
from penstock.errors import GateClosed, LockRefused, NotApproved, SwitchRefused
from penstock.runtime import events
from penstock.stages.switch import switch, undo
from tests.support.live import Live, address


def accounts(shop: Live) -> None:
    shop.do(
        "CREATE TABLE account (id int PRIMARY KEY, amount int NOT NULL)", "INSERT INTO account SELECT i, 100 FROM generate_series(1, 50) i"
    )
    shop.do("CREATE TABLE entry (id bigserial PRIMARY KEY, of int REFERENCES account, amount int)")


class Writers:
    """Some sessions of an application: each transaction moves an amount and notes it. acknowledged: the entries whose commit came back."""

    def __init__(self, shop: Live, count: int = 3) -> None:
        self.shop, self.stop, self.acknowledged, self.refused = shop, threading.Event(), list[int](), 0
        self.threads = [threading.Thread(target=self._write, args=(n + 1,)) for n in range(count)]

    def __enter__(self) -> Writers:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join()

    def _write(self, n: int) -> None:
        with psycopg.connect(address(self.shop.source_url), autocommit=True) as session:
            while not self.stop.is_set():
                n = (n * 1103515245 + 12345) % 2**31
                one, other = sorted((n % 50 + 1, n // 50 % 50 + 1))
                try:
                    with session.transaction():
                        session.execute("UPDATE account SET amount = amount - 1 WHERE id = %s", [one])
                        session.execute("UPDATE account SET amount = amount + 1 WHERE id = %s", [other])
                        made = session.execute("INSERT INTO entry (of, amount) VALUES (%s, 1) RETURNING id", [one]).fetchone()
                    assert made
                    self.acknowledged.append(made[0])
                except psycopg.errors.ReadOnlySqlTransaction:
                    self.refused += 1
                    time.sleep(0.01)


def switched(shop: Live, within: float = 60, **more: object) -> None:
    live.switch(shop.request().reopened(), None, within, **more)  # type: ignore[arg-type]


def test_both_sides_are_equal_at_one_position_while_writers_go_on(shop: Live) -> None:
    accounts(shop)
    with Writers(shop) as writers:
        shop.loaded()
        shop.follow()
        proof = live.prove(shop.request().reopened())
        assert not writers.refused
    assert proof.holds and proof.of("account").rows == 50 and proof.of("entry").rows > 0


def test_a_row_that_differs_is_named_and_is_not_healed_by_waiting(shop: Live) -> None:
    accounts(shop)
    shop.loaded()
    shop.target.execute("UPDATE penstock_new_shop.account SET amount = 7 WHERE id = 3")
    with pytest.raises(GateClosed) as closed:
        live.prove(shop.request().reopened())
    assert any("row id=3: amount is '7', staged was '100'" in line for line in closed.value.failed)
    shop.do("UPDATE account SET amount = 5 WHERE id = 3")  # the row is replaced as a whole
    assert live.prove(shop.request().reopened()).holds


def test_the_digest_that_the_stream_keeps_is_that_of_the_target(shop: Live) -> None:
    """Of tables whose changes say what was there before, through filters and masks; of others none is kept."""
    accounts(shop)
    shop.do(
        "CREATE TABLE item (id int PRIMARY KEY, mail text, n int)", "INSERT INTO item SELECT i, 'm' || i, i FROM generate_series(1, 50) i"
    )
    shop.do("ALTER TABLE account REPLICA IDENTITY FULL", "ALTER TABLE item REPLICA IDENTITY FULL")
    shop.tables, shop.secrets = {"item": {"transform": [{"filter": "n > 5"}, {"mask": {"mail": "sha256"}}]}}, {"mask_key": "k"}
    shop.loaded()
    shop.do(
        "UPDATE account SET amount = amount + id",
        "DELETE FROM account WHERE id > 40; INSERT INTO account VALUES (41, 0)",
        "UPDATE account SET id = id + 100",
    )
    shop.do(
        "UPDATE item SET n = 50 - n",
        "DELETE FROM item WHERE id % 3 = 0",
        "INSERT INTO entry (of) VALUES (101)",
        "UPDATE entry SET amount = 1",
    )
    shop.follow()
    found = live.prove_kept(shop.request().reopened())
    assert found.unknown == ("entry",) and set(found.tables) == {"account", "item"} and found.tables["account"] == 41
    shop.do("INSERT INTO item VALUES (900, 'x', 9); TRUNCATE item; INSERT INTO item VALUES (901, 'x', 9), (902, 'x', 1)")
    shop.follow()
    assert live.prove_kept(shop.request().reopened()).tables["item"] == 1 and live.prove(shop.request().reopened()).holds
    shop.target.execute("UPDATE penstock_new_shop.account SET amount = 7 WHERE id = 103")
    with pytest.raises(GateClosed, match="does not have what was loaded and followed"):
        live.prove_kept(shop.request().reopened())


def test_a_truncated_partition_is_found_by_the_proof(shop: Live) -> None:
    shop.do("CREATE TABLE t (id int PRIMARY KEY, a text) PARTITION BY RANGE (id)")
    shop.do("CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (100)", "INSERT INTO t VALUES (1, 'x')")
    shop.loaded()
    shop.do("TRUNCATE t1")
    shop.follow()
    with pytest.raises(GateClosed, match="does not hold for t"):
        live.prove(shop.request().reopened())


def test_a_switch_loses_no_acknowledged_write_and_closes_the_source(shop: Live) -> None:
    accounts(shop)
    with Writers(shop) as writers:
        shop.loaded()
        time.sleep(0.5)
        switched(shop)
        time.sleep(0.2)
    assert writers.refused
    found = [row[0] for row in shop.target.execute("SELECT id FROM entry ORDER BY 1").fetchall()]
    assert found == sorted(writers.acknowledged)
    assert shop.target.execute("SELECT sum(amount) FROM account").fetchone() == (5000,)
    for statement in ("INSERT INTO entry (of) VALUES (1)", "TRUNCATE entry", "SET session_replication_role = replica; DELETE FROM account"):
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction, match="penstock is moving it"):
            shop.do(statement)
    made = shop.target.execute("INSERT INTO entry (of, amount) VALUES (1, 1) RETURNING id").fetchone()
    assert made and made[0] > max(writers.acknowledged)
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        shop.target.execute("INSERT INTO entry (of) VALUES (99)")
    slots = shop.source.execute("SELECT count(*) FROM pg_replication_slots WHERE database = current_database()").fetchone()
    assert slots == (0,) and shop.source.execute("SELECT count(*) FROM pg_publication").fetchone() == (0,)
    switched(shop)  # again: nothing is left to do
    with pytest.raises(SwitchRefused, match="is live, so its source stays closed"):
        live.cancel(shop.request().reopened())
    undo.undo(shop.request().reopened())
    live.cancel(shop.request().reopened())
    shop.do("DELETE FROM entry WHERE false")
    with pytest.raises(SwitchRefused, match="has ended"):
        shop.follow()


def test_numbers_go_on_where_those_of_the_source_end(shop: Live) -> None:
    """Not where the rows end: the last ones may have been deleted, and their numbers were given."""
    shop.do(
        "CREATE TABLE t (id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, s serial, a int)",
        "INSERT INTO t (a) SELECT generate_series(1, 5)",
    )
    shop.loaded()
    shop.do("INSERT INTO t (a) SELECT generate_series(1, 20)", "DELETE FROM t WHERE id > 10", "SELECT setval('t_s_seq', 500)")
    switched(shop)
    assert shop.target.execute("INSERT INTO t (a) VALUES (1) RETURNING id, s").fetchone() == (26, 501)


def test_a_writer_that_does_not_end_keeps_the_source_open(shop: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    from penstock.stages.live import freeze

    monkeypatch.setattr(freeze, "_TRIES", 1)
    monkeypatch.setattr(freeze, "_WAIT", 1)
    accounts(shop)
    shop.loaded()
    with psycopg.connect(address(shop.source_url)) as writer:
        writer.execute("UPDATE account SET amount = 0 WHERE id = 1")
        with pytest.raises(LockRefused, match="writers of the source did not end"):
            switched(shop)
        writer.commit()
    shop.do("UPDATE account SET amount = 1 WHERE id = 2")
    switched(shop)
    assert shop.target.execute("SELECT amount FROM account WHERE id < 3 ORDER BY id").fetchall() == [(0,), (1,)]


def test_what_fails_before_the_switch_opens_the_source_again(shop: Live) -> None:
    accounts(shop)
    shop.loaded()
    shop.target.execute("UPDATE penstock_new_shop.account SET amount = 7 WHERE id = 3")
    with pytest.raises(GateClosed):
        switched(shop)
    shop.do("UPDATE account SET amount = 5 WHERE id = 3")
    with pytest.raises(SwitchRefused, match="in 0 seconds"):
        switched(shop, within=0.001)
    shop.do("UPDATE account SET amount = 6 WHERE id = 4")
    shop.more = {"switch": {"approval": True}}
    switched(shop)
    assert shop.target.execute("SELECT amount FROM account WHERE id IN (3, 4) ORDER BY id").fetchall() == [(5,), (6,)]


def test_the_switch_of_other_runs_is_refused_while_the_source_is_open(shop: Live) -> None:
    accounts(shop)
    context = shop.loaded()
    with pytest.raises(SwitchRefused, match="is not switched by itself"):
        switch.switch(context)


def test_without_an_approval_that_is_wanted_the_source_stays_open(shop: Live) -> None:
    accounts(shop)
    shop.more = {"switch": {"approval": True}}
    shop.loaded()
    with pytest.raises(NotApproved):
        switched(shop)
    shop.do("UPDATE account SET amount = 1 WHERE id = 2")
    asked = []
    live.switch(shop.request().reopened(), lambda context: (asked.append(context.plan.run) is None, "ada"), 60)
    assert asked == ["r1"] and shop.target.execute("SELECT amount FROM account WHERE id = 2").fetchone() == (1,)


def test_a_run_that_is_given_up_or_replaced_leaves_nothing_at_the_source(shop: Live) -> None:
    """A slot that nobody reads would hold back the source's log until its disk is full."""
    accounts(shop)
    slots = "SELECT count(*) FROM pg_replication_slots WHERE database = current_database()"
    shop.loaded("r1")
    shop.loaded("r2")
    assert shop.source.execute(slots).fetchone() == (1,)
    with pytest.raises(SwitchRefused, match="has ended"):
        shop.follow("r1")
    shop.do("UPDATE account SET amount = 1")
    shop.follow("r2")
    assert shop.same("account")
    live.end(shop.request("r2").reopened())
    assert shop.source.execute(slots).fetchone() == (0,)
    with pytest.raises(SwitchRefused, match="has ended"):
        shop.loaded("r2")


class _Killed(BaseException):
    pass


MOMENTS = ("freeze.finished", "align.started", "align.finished", "switch.started", "switch.statement", "switch.finished")


@pytest.mark.parametrize("event", MOMENTS)
def test_killed_at_any_moment_the_same_command_finishes_or_is_cancelled(shop: Live, event: str, monkeypatch: pytest.MonkeyPatch) -> None:
    accounts(shop)
    shop.loaded()
    shop.do("UPDATE account SET amount = 1 WHERE id = 2")
    monkeypatch.setattr(live.freeze, "go_on", lambda context: None)  # a killed process opens nothing

    def killed(name: str, facts: dict[str, object]) -> None:
        if name == event:
            raise _Killed

    with pytest.raises(_Killed), events.subscribed(killed):
        switched(shop)
    monkeypatch.undo()
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        shop.do("UPDATE account SET amount = 1 WHERE id = 3")
    cancelled = not event.startswith(("switch.statement", "switch.finished"))
    if cancelled:
        live.cancel(shop.request().reopened())
        shop.do("UPDATE account SET amount = 1 WHERE id = 3")
    switched(shop)
    assert shop.target.execute("SELECT count(*) FROM account WHERE amount = 1").fetchone() == (2 if cancelled else 1,)
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        shop.do("UPDATE account SET amount = 1 WHERE id = 3")
