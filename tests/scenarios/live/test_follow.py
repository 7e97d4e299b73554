"""Changes of a source in use: what they end as is what the target has, whatever they are."""

from __future__ import annotations

import hashlib
import hmac
import threading

import psycopg
import pytest

from penstock import live
from penstock.stages.live import capture
from penstock.stages.live.follow import Until
from tests.support.live import CURRENT, Live, address

LONG = "md5(random()::text) || repeat('x', 20) || (SELECT string_agg(md5(i::text), '') FROM generate_series(1, 400) i)"


def small(shop: Live, extra: str = "") -> None:
    shop.do(f"CREATE TABLE t (id int PRIMARY KEY, a text, n numeric(8,2){extra})")
    shop.do("INSERT INTO t SELECT i, 'a' || i, i FROM generate_series(1, 100) i")


def test_inserts_updates_and_deletes_arrive(shop: Live) -> None:
    small(shop)
    shop.loaded()
    assert shop.same("t")
    shop.do("INSERT INTO t VALUES (501, 'new', 1.5)", "UPDATE t SET a = NULL WHERE id < 10", "DELETE FROM t WHERE id BETWEEN 20 AND 30")
    done = shop.follow()
    assert shop.same("t") and done.reached and done.changes == 1 + 9 + 11
    assert shop.follow().changes == 0


@pytest.mark.parametrize("identity", ["DEFAULT", "FULL"])
def test_a_long_value_that_did_not_change_stays(shop: Live, identity: str) -> None:
    """Such a value is not sent. An update of another column, of the key, after an insert in the same round or in an earlier one."""
    shop.do("CREATE TABLE t (id int PRIMARY KEY, n int, big text, more text)", f"ALTER TABLE t REPLICA IDENTITY {identity}")
    shop.do("ALTER TABLE t ALTER big SET STORAGE EXTERNAL", "ALTER TABLE t ALTER more SET STORAGE EXTERNAL")
    shop.do(f"INSERT INTO t SELECT i, 0, {LONG}, {LONG} FROM generate_series(1, 8) i")
    shop.loaded()
    shop.do(
        "UPDATE t SET n = 1 WHERE id = 1",
        "UPDATE t SET id = 20, n = 2 WHERE id = 2",
        f"INSERT INTO t VALUES (30, 0, {LONG}, {LONG}); UPDATE t SET n = 3 WHERE id = 30; UPDATE t SET id = 31 WHERE id = 30",
        "UPDATE t SET id = 40 WHERE id = 4; UPDATE t SET n = 4 WHERE id = 40; UPDATE t SET id = 41 WHERE id = 40",
        "UPDATE t SET big = 'short', n = 5 WHERE id = 5; UPDATE t SET id = 50 WHERE id = 5",
        "UPDATE t SET id = 60 WHERE id = 6; UPDATE t SET id = 6 WHERE id = 7; UPDATE t SET id = 7 WHERE id = 60",
        f"DELETE FROM t WHERE id = 8; INSERT INTO t VALUES (8, 8, {LONG}, NULL); UPDATE t SET n = 9 WHERE id = 8",
    )
    shop.follow()
    assert shop.same("t")
    shop.do("UPDATE t SET n = 100", "UPDATE t SET id = id + 1000")
    shop.follow()
    assert shop.same("t")


def test_unique_values_that_swap_and_keys_that_go_round_arrive(shop: Live) -> None:
    shop.do("CREATE TABLE t (id int PRIMARY KEY, u int UNIQUE, d int UNIQUE DEFERRABLE)")
    shop.do("INSERT INTO t SELECT i, i, i FROM generate_series(1, 6) i")
    shop.loaded()
    shop.do(
        "UPDATE t SET u = -1 WHERE id = 1; UPDATE t SET u = 1 WHERE id = 2; UPDATE t SET u = 2 WHERE id = 1",
        "UPDATE t SET d = 7 - d",
        "UPDATE t SET id = -1 WHERE id = 4; UPDATE t SET id = 4 WHERE id = 5; UPDATE t SET id = 5 WHERE id = 6; UPDATE t SET id = 6 WHERE id = -1",
    )
    shop.follow()
    assert shop.same("t")


def test_many_changes_of_one_key_end_as_the_last_one(shop: Live) -> None:
    small(shop)
    shop.loaded()
    shop.do(
        "DELETE FROM t WHERE id = 1; INSERT INTO t VALUES (1, 'again', 1)",
        "INSERT INTO t VALUES (200, 'x', 1); DELETE FROM t WHERE id = 200",
    )
    shop.do("; ".join(f"UPDATE t SET n = {n} WHERE id = 2" for n in range(100)))
    shop.follow()
    assert shop.same("t")


def test_values_of_any_type_under_any_name_arrive(shop: Live) -> None:
    """A column was dropped between others; the key is a text, by whose order no chunks are cut."""
    shop.do("CREATE TYPE mood AS ENUM ('ok', 'so so')", 'CREATE SCHEMA "a b"')
    shop.do(
        'CREATE TABLE "a b"."T ""1""" ("the key" text, gone int, "m 1" mood, n numeric, d date, t timestamptz, i interval, j jsonb, u uuid,'
        ' b bytea, a text[], r int4range, f float8, c char(5), x bit varying, s text, PRIMARY KEY ("the key"))',
        'ALTER TABLE "a b"."T ""1""" DROP COLUMN gone',
    )
    insert = (
        """INSERT INTO "a b"."T ""1\"\"\" SELECT k || %s, 'so so', 1.50, '2024-02-29', '2024-06-30 12:00+02', '1 mon -2 days 00:00:00.5', '{"a": 1}',"""
        """ gen_random_uuid(), '\\x00ff', '{a,NULL,"b c"}', '[1,5)', 0.1, 'ab', B'101', E'tab\\t\\\\n' FROM generate_series(1, 20) k"""
    )
    shop.source.execute(insert, ["a"])
    shop.more = {"source_schema": "a b", "target_schema": "public"}
    shop.loaded()
    shop.source.execute(insert, ["b"])
    table = '"a b"."T ""1"""'
    shop.do(f"""UPDATE {table} SET n = 'NaN', d = NULL, i = '-1 day', "m 1" = 'ok', a = '{{}}' WHERE "the key" < '15'""")
    shop.do(
        f"""UPDATE {table} SET "the key" = 'moved ' || "the key", c = 'x' WHERE "the key" LIKE '1%'""",
        f"""DELETE FROM {table} WHERE "the key" = '2a'""",
    )
    shop.follow()
    found = shop.shadow('SELECT * FROM "T ""1"""')
    assert sorted(map(repr, found)) == sorted(map(repr, shop.source.execute(f"SELECT * FROM {table}").fetchall())) and len(found) == 39
    assert live.prove(shop.request().reopened()).holds


def test_only_what_was_committed_arrives(shop: Live) -> None:
    small(shop)
    shop.loaded()
    with psycopg.connect(address(shop.source_url)) as writer:
        writer.execute("INSERT INTO t SELECT i, 'gone', 0 FROM generate_series(1000, 3000) i")
        writer.rollback()
        writer.execute(
            "INSERT INTO t VALUES (1001, 'kept', 0); SAVEPOINT s; DELETE FROM t; ROLLBACK TO s; UPDATE t SET a = 'kept too' WHERE id = 3"
        )
    shop.follow()
    assert shop.same("t") and shop.shadow("SELECT count(*) FROM t") == [(101,)]


def test_a_large_transaction_arrives_whole_with_bounded_memory(shop: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture, "_PIECE", 64 << 10)
    shop.do("CREATE TABLE t (id int PRIMARY KEY, u int UNIQUE, a text)", "CREATE TABLE other (id int PRIMARY KEY)")
    shop.do("INSERT INTO t SELECT i, i, repeat('x', 50) FROM generate_series(1, 2000) i")
    shop.loaded()
    seen = []
    held = capture._Open.flush

    def flush(made: capture._Open) -> None:
        seen.append(made.bytes)
        held(made)

    monkeypatch.setattr(capture._Open, "flush", flush)
    shop.do(
        "UPDATE t SET u = -u, a = a || 'y'; UPDATE t SET id = id + 5000; UPDATE t SET u = 1 - u; INSERT INTO other SELECT generate_series(1, 3000);"
        "DELETE FROM t WHERE id % 3 = 0"
    )
    done = shop.follow()
    assert shop.same("t", "other") and done.rounds == 1
    assert len(seen) > 5 and max(seen) < 66 << 10


def test_truncated_tables_are_empty_and_what_follows_is_there(shop: Live) -> None:
    small(shop)
    shop.do("CREATE TABLE child (id int PRIMARY KEY, t int REFERENCES t)", "INSERT INTO child SELECT i, i FROM generate_series(1, 50) i")
    shop.loaded()
    shop.do(
        "INSERT INTO t VALUES (900, 'before', 1); TRUNCATE t CASCADE; INSERT INTO t VALUES (901, 'after', 1)",
        "INSERT INTO child VALUES (1, 901)",
    )
    shop.follow()
    assert shop.same("t", "child") and shop.shadow("SELECT id FROM t") == [(901,)]


def test_rows_that_move_between_partitions_are_there_once(shop: Live) -> None:
    shop.do("CREATE TABLE t (id int PRIMARY KEY, a text) PARTITION BY RANGE (id)")
    shop.do("CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (100)", "CREATE TABLE t2 PARTITION OF t FOR VALUES FROM (100) TO (200)")
    shop.do("INSERT INTO t SELECT i, 'x' FROM generate_series(1, 150) i")
    shop.loaded()
    shop.do("UPDATE t SET id = 199 WHERE id = 1", "INSERT INTO t2 VALUES (198, 'direct')")
    shop.do("TRUNCATE t; INSERT INTO t VALUES (5, 'new'), (105, 'new')")
    shop.follow()
    assert shop.same("t")


def test_generated_columns_and_numbers_are_the_target_s_own(shop: Live) -> None:
    shop.do("CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a int, twice int GENERATED ALWAYS AS (a * 2) STORED)")
    shop.do("INSERT INTO t (a) SELECT generate_series(1, 10)")
    shop.loaded()
    shop.do("INSERT INTO t (a) VALUES (100)", "UPDATE t SET a = a + 1 WHERE id < 5", "DELETE FROM t WHERE id = 7")
    shop.follow()
    assert shop.same("t")


def test_a_row_enters_and_leaves_a_filter_and_a_masked_key_is_found(shop: Live) -> None:
    small(shop)
    shop.do("ALTER TABLE t REPLICA IDENTITY FULL", "CREATE TABLE p (mail text PRIMARY KEY, a text)", "ALTER TABLE p REPLICA IDENTITY FULL")
    shop.do("INSERT INTO p SELECT 'u' || i, 'x' FROM generate_series(1, 20) i")
    shop.tables = {
        "t": {"transform": [{"rename": {"id": "number"}}, {"filter": "n < 50"}, {"derive": {"twice": "n * 2"}}]},
        "p": {"transform": [{"mask": {"mail": "sha256"}}]},
    }
    shop.secrets = {"mask_key": "secret"}
    shop.loaded()
    assert shop.shadow("SELECT count(*) FROM t") == [(49,)]
    shop.do(
        "UPDATE t SET n = 1 WHERE id = 90",
        "UPDATE t SET n = 99 WHERE id = 2",
        "UPDATE t SET n = 98 WHERE id = 91",
        "DELETE FROM t WHERE id = 3",
    )
    shop.do(
        "UPDATE t SET id = 300 WHERE id = 4",
        "DELETE FROM p WHERE mail = 'u1'",
        "UPDATE p SET mail = 'new' WHERE mail = 'u2'",
        "UPDATE p SET a = 'y' WHERE mail = 'u3'",
    )
    shop.follow()
    expected = shop.source.execute("SELECT id, a, n, n * 2 FROM t WHERE n < 50 ORDER BY 1").fetchall()
    assert shop.shadow("SELECT number, a, n, twice FROM t ORDER BY 1") == expected
    masked = [
        (hmac.new(b"secret", str(mail).encode(), hashlib.sha256).hexdigest(), a)
        for mail, a in shop.source.execute("SELECT * FROM p").fetchall()
    ]
    assert sorted(shop.shadow("SELECT mail, a FROM p")) == sorted(masked)


def test_a_transaction_that_is_open_for_long_arrives_when_it_is_committed(shop: Live) -> None:
    """What the log says between its commits is no progress past it: it is not left out when others end first."""
    small(shop)
    shop.loaded()
    with psycopg.connect(address(shop.source_url)) as writer:
        writer.execute("INSERT INTO t VALUES (900, 'long', 0)")
        for n in range(3):
            shop.do(
                f"INSERT INTO t VALUES ({901 + n}, 'short', 0)",
                "CREATE TABLE IF NOT EXISTS noise (a int)",
                "INSERT INTO noise SELECT generate_series(1, 1000)",
            )
            shop.follow()
            assert shop.shadow("SELECT count(*) FILTER (WHERE a = 'short'), count(*) FILTER (WHERE a = 'long') FROM t") == [(n + 1, 0)]
        writer.commit()
    shop.follow()
    assert shop.same("t")


def test_a_table_in_use_is_followed_from_its_snapshot_on_without_gap_or_overlap(shop: Live) -> None:
    """Writers move amounts between accounts all the while; the sum is that of the beginning in every state of the target."""
    shop.do(
        "CREATE TABLE account (id int PRIMARY KEY, amount int NOT NULL)", "INSERT INTO account SELECT i, 100 FROM generate_series(1, 50) i"
    )
    shop.do("CREATE TABLE entry (id bigserial PRIMARY KEY, of int, amount int)")
    stop, sums = threading.Event(), set[object]()

    def write(seed: int) -> None:
        with psycopg.connect(address(shop.source_url), autocommit=True) as writer:
            n = seed
            while not stop.is_set():
                n = (n * 1103515245 + 12345) % 2**31
                one, other = sorted((n % 50 + 1, n // 50 % 50 + 1))
                with writer.transaction():
                    writer.execute("UPDATE account SET amount = amount - 1 WHERE id = %s", [one])
                    writer.execute("UPDATE account SET amount = amount + 1 WHERE id = %s", [other])
                    writer.execute("INSERT INTO entry (of, amount) VALUES (%s, 1)", [one])

    writers = [threading.Thread(target=write, args=(seed,)) for seed in (1, 2, 3)]
    for writer in writers:
        writer.start()
    try:
        shop.loaded()
        context = shop.request().reopened()
        live.follow(context, Until(seconds=3), lambda progress: sums.add(shop.shadow("SELECT sum(amount) FROM account")[0][0]))
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    shop.follow(until=CURRENT)
    assert shop.same("account", "entry") and sums == {5000}
