"""The switch kinds without a server: the statements that each returns for a planned table, on the databases that have it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from penstock import databases
from penstock.databases import Database, Dependent, Link, PartitionSlot
from penstock.errors import MigrationError
from penstock.migration.switch_kinds import REGISTRY
from penstock.model.plan import TablePlan
from penstock.model.schema import Column, ForeignKey, Table, TableName, Type
from penstock.model.scope import Changes, Differences, Partition, Scope, Whole
from penstock.planning import switch_kinds
from penstock.planning.switch_kinds import LiveFacts, SwitchedTable, SwitchKind

DAY = Partition("at", "at", "2024-03-01 00:00:00", "2024-03-02 00:00:00")
SINCE = Changes("at", "at", "2024-03-01 00:00:00")


def database(name: str) -> Database:
    return databases.of(sa.make_url(f"{name}://"), target=True)


WHOLE = Whole()


def planned(on: Database, scope: Scope = WHOLE, how: str = "swap", name: str = "event", live: bool = True) -> TablePlan:
    columns = (Column("id", Type("int64"), False, native="bigint"), Column("at", Type("timestamp"), native="timestamp"))
    schema = "public" if on.label == "PostgreSQL" else None
    table = Table(TableName(name, schema), columns, ("id",))
    places = on.shadow(table.name, "feed"), on.kept(table.name, "feed", "abc")
    return TablePlan(table, table, *places, live, (), ("id",), ("id",), True, (), scope=scope, how=how)


def switched(on: Database, table: TablePlan, **notes: object) -> SwitchedTable:
    return SwitchedTable(table.target.name, table.shadow, table.kept, on.kept(table.target.name, "feed", "undone"), notes)


def test_the_folder_has_three_kinds_and_each_is_a_switch_kind() -> None:
    assert {"swap", "replace_rows", "attach_partition"} <= set(REGISTRY.own)
    assert all(isinstance(switch_kinds.of(name), SwitchKind) for name in REGISTRY.own)


def test_an_unknown_kind_is_refused_with_the_names_that_there_are() -> None:
    with pytest.raises(MigrationError, match="no switch kind called 'swop'") as refused:
        switch_kinds.of("swop")
    assert "attach_partition, replace_rows, swap" in refused.value.fix


@pytest.mark.parametrize("scope", [Whole(), DAY, SINCE, Differences(DAY), Differences(Whole())], ids=lambda s: str(s.type))
def test_rows_of_any_scope_can_be_replaced(scope: Scope) -> None:
    assert "replace_rows" in switch_kinds.for_scope(scope.type)


def test_a_table_that_does_not_exist_yet_is_swapped_in_whatever_its_kind() -> None:
    assert planned(database("sqlite"), DAY, "replace_rows", live=False).switch == "swap"
    assert planned(database("sqlite"), DAY, "replace_rows").switch == "replace_rows"


def test_swapped_tables_come_before_changed_rows_and_partitions_last() -> None:
    on = database("postgresql")
    tables = [planned(on, DAY, "attach_partition", "a"), planned(on, DAY, "replace_rows", "b"), planned(on, name="c")]
    assert list(switch_kinds.grouped(tables)) == ["swap", "replace_rows", "attach_partition"]


# ---- swap


def test_a_swap_on_mysql_is_one_statement_over_all_tables() -> None:
    on, kind = database("mysql"), switch_kinds.of("swap")
    tables = [planned(on), planned(on, name="kind", live=False)]
    assert kind.prepare(tables, on) == []
    assert kind.apply(tables, on, LiveFacts()) == [
        "RENAME TABLE `event` TO `penstock_old_abc__event`, `penstock_new__event` TO `event`, `penstock_new__kind` TO `kind`"
    ]


@pytest.mark.parametrize("name", ["duckdb", "sqlite"])
def test_a_swap_moves_the_live_table_away_before_the_shadow_takes_its_name(name: str) -> None:
    on = database(name)
    renames = [s for s in switch_kinds.of("swap").apply([planned(on)], on, LiveFacts()) if s.startswith("ALTER")]
    assert renames == ['ALTER TABLE "event" RENAME TO "penstock_old_abc__event"', 'ALTER TABLE "penstock_new__event" RENAME TO "event"']


def test_what_depends_on_a_swapped_table_follows_and_its_foreign_keys_to_others_are_cut() -> None:
    on = database("postgresql")
    table = planned(on)
    grant = Dependent("grant", "clerk", table.target.name, True, ("GRANT SELECT ON event TO clerk",))
    facts = LiveFacts((grant,), (Link(table.target.name, "event_kind", "FOREIGN KEY (kind) REFERENCES kind"),))
    made = switch_kinds.of("swap").apply([table], on, facts)
    assert made[-2:] == [
        "GRANT SELECT ON event TO clerk",
        'ALTER TABLE "penstock_old_feed_abc"."event" DROP CONSTRAINT "event_kind"',
    ]


def test_the_undo_of_a_swap_sets_the_new_table_aside_and_puts_the_old_one_back() -> None:
    on, kind = database("duckdb"), switch_kinds.of("swap")
    table = planned(on)
    assert kind.undo([(table, switched(on, table))], on, LiveFacts()) == [
        'ALTER TABLE "event" RENAME TO "penstock_old_undone__event"',
        'ALTER TABLE "penstock_old_abc__event" RENAME TO "event"',
    ]


def test_the_undo_of_a_new_table_only_sets_it_aside() -> None:
    on, kind = database("duckdb"), switch_kinds.of("swap")
    table = planned(on, live=False)
    made = replace(switched(on, table), kept=None)
    assert kind.undo([(table, made)], on, LiveFacts()) == ['ALTER TABLE "event" RENAME TO "penstock_old_undone__event"']


def test_finish_drops_what_a_swap_kept_or_what_its_undo_set_aside_and_never_a_shadow() -> None:
    on, kind = database("duckdb"), switch_kinds.of("swap")
    made = switched(on, planned(on))
    assert kind.finish([made], on, undone=False) == ['DROP TABLE IF EXISTS "penstock_old_abc__event"']
    assert kind.finish([made], on, undone=True) == ['DROP TABLE IF EXISTS "penstock_old_undone__event"']


# ---- replace rows


def deleted(on: Database, table: TablePlan) -> list[str]:
    """The conditions of the rows that are deleted from the live table."""
    made = switch_kinds.of("replace_rows").apply([table], on, LiveFacts())
    return [s.partition(" WHERE ")[2] for s in made if s.startswith('DELETE FROM "event"')]


SAME_KEY = 'EXISTS (SELECT 1 FROM "{}" WHERE "{}"."id" = "event"."id")'
SHADOW = SAME_KEY.format("penstock_new__event", "penstock_new__event")
WITHIN = "\"at\" >= CAST('2024-03-01 00:00:00' AS TIMESTAMP) AND \"at\" < CAST('2024-03-02 00:00:00' AS TIMESTAMP)"


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        (Whole(), ["(1 = 1)"]),
        (DAY, [f"({WITHIN})", SHADOW]),
        (SINCE, [SHADOW]),
        (Differences(Whole(), TableName("keys")), [SAME_KEY.format("keys", "keys")]),
        (Differences(DAY, TableName("keys")), [SAME_KEY.format("keys", "keys"), SHADOW]),
        (Differences(Whole()), ["(1 = 1)"]),
    ],
    ids=["whole", "interval", "changes", "differences", "differences of an interval", "differences without a key"],
)
def test_the_scope_decides_which_live_rows_are_deleted(scope: Scope, expected: list[str]) -> None:
    on = database("duckdb")
    assert deleted(on, planned(on, scope, "replace_rows")) == expected


@pytest.mark.parametrize("name", ["duckdb", "mysql", "postgresql", "sqlite"])
def test_deleted_rows_are_kept_before_they_are_deleted_and_new_ones_come_last(name: str) -> None:
    on, kind = database(name), switch_kinds.of("replace_rows")
    table = planned(on, SINCE, "replace_rows")
    live, kept, shadow = (databases.qualified(on, n) for n in (table.target.name, table.kept, table.shadow))
    keep, delete, put = kind.apply([table], on, LiveFacts())
    assert keep.startswith(f"INSERT INTO {kept} (") and f" FROM {live} WHERE " in keep
    assert delete.startswith(f"DELETE FROM {live} WHERE ")
    assert put.startswith(f"INSERT INTO {live} (") and put.endswith(f" FROM {shadow}")
    assert any(s.startswith(f"CREATE TABLE {kept}") for s in kind.prepare([table], on))


def test_rows_that_refer_to_others_are_deleted_first_and_inserted_last() -> None:
    on = database("duckdb")
    parent, child = planned(on, SINCE, "replace_rows", "parent"), planned(on, SINCE, "replace_rows", "child")
    child = replace(child, target=replace(child.target, foreign_keys=(ForeignKey("up", ("id",), "parent", ("id",)),)))
    made = switch_kinds.of("replace_rows").apply([child, parent], on, LiveFacts())
    order = [s.split('"')[1] for s in made if s.startswith(("DELETE", 'INSERT INTO "child"', 'INSERT INTO "parent"'))]
    assert order == ["child", "parent", "parent", "child"]


def test_waiting_rows_that_a_partition_replaces_are_kept_too() -> None:
    on = database("duckdb")
    table = planned(on, replace(DAY, pending=TableName("waiting")), "replace_rows")
    made = switch_kinds.of("replace_rows").apply([table], on, LiveFacts())
    assert [s.partition(" WHERE ")[0] for s in made if "waiting" in s.partition(" WHERE ")[0]] == [
        'INSERT INTO "penstock_old_abc__event" ("id", "at") SELECT "id", "at" FROM "waiting"',
        'DELETE FROM "waiting"',
    ] * 2


def test_the_undo_of_replaced_rows_sets_aside_what_came_and_puts_back_what_was_kept() -> None:
    on, kind = database("duckdb"), switch_kinds.of("replace_rows")
    table = planned(on, SINCE, "replace_rows")
    made = switched(on, table)
    aside, gone, back = kind.undo([(table, made)], on, LiveFacts())
    assert aside.startswith('INSERT INTO "penstock_old_undone__event"') and aside.endswith(SHADOW)
    assert gone == f'DELETE FROM "event" WHERE {SHADOW}'
    assert back.startswith('INSERT INTO "event"') and back.endswith('FROM "penstock_old_abc__event"')
    assert any(s.startswith('CREATE TABLE "penstock_old_undone__event"') for s in kind.prepare_undo([(table, made)], on))


@pytest.mark.parametrize(("scope", "needed"), [(DAY, False), (SINCE, True), (Differences(DAY, TableName("keys")), True), (Whole(), False)])
def test_a_shadow_stays_for_the_undo_where_its_keys_say_which_rows_came(scope: Scope, needed: bool) -> None:
    assert switch_kinds.of("replace_rows").undo_needs_shadow(planned(database("duckdb"), scope, "replace_rows")) == needed


def test_the_shadow_of_rows_has_a_primary_key_and_nothing_else() -> None:
    table = planned(database("postgresql"), DAY, "replace_rows")
    table = replace(table, target=replace(table.target, foreign_keys=(ForeignKey("up", ("id",), "other", ("id",)),)))
    made = switch_kinds.shadow(table)
    assert made.primary_key == ("id",) and not made.foreign_keys
    assert switch_kinds.shadow(replace(table, live_exists=False)) == table.target


# ---- attach partition


def attached(place: str | None) -> tuple[Database, TablePlan, LiveFacts]:
    on = database("postgresql")
    slot = PartitionSlot(TableName(place, "public") if place else None)
    return on, planned(on, DAY, "attach_partition"), LiveFacts(partitions={"event": slot})


def test_the_old_partition_is_detached_and_kept_and_the_shadow_takes_its_name() -> None:
    on, table, facts = attached("event_1")
    kind = switch_kinds.of("attach_partition")
    made = [s for s in kind.apply([table], on, facts) if s.startswith("ALTER")]
    assert made == [
        'ALTER TABLE "public"."event" DETACH PARTITION "public"."event_1"',
        'ALTER TABLE "public"."event_1" SET SCHEMA "penstock_old_feed_abc"',
        'ALTER TABLE "penstock_old_feed_abc"."event_1" RENAME TO "event"',
        'ALTER TABLE "penstock_new_feed"."event" SET SCHEMA "public"',
        'ALTER TABLE "public"."event" RENAME TO "event_1"',
        'ALTER TABLE "public"."event" ATTACH PARTITION "public"."event_1" FOR VALUES FROM (\'2024-03-01 00:00:00\') TO (\'2024-03-02 00:00:00\')',
        'ALTER TABLE "public"."event_1" DROP CONSTRAINT IF EXISTS "penstock_bounds"',
    ]
    assert kind.keeps(table, facts) == table.kept and kind.notes(table, facts) == {"place": ["event_1", "public"]}


def test_the_first_partition_of_an_interval_is_attached_and_nothing_is_kept() -> None:
    on, table, facts = attached(None)
    kind = switch_kinds.of("attach_partition")
    assert not any("DETACH" in s for s in kind.apply([table], on, facts)) and kind.keeps(table, facts) is None
    made = kind.undo([(table, replace(switched(on, table, place=["event", "public"]), kept=None))], on, LiveFacts())
    assert any("DETACH" in s for s in made) and not any("ATTACH PARTITION" in s.replace("DETACH", "") for s in made)


def test_the_undo_of_an_attached_partition_attaches_the_kept_one_again() -> None:
    on, table, _ = attached("event_1")
    made = switch_kinds.of("attach_partition").undo([(table, switched(on, table, place=["event_1", "public"]))], on, LiveFacts())
    assert made[0] == 'ALTER TABLE "public"."event" DETACH PARTITION "public"."event_1"'
    assert any(s.startswith('ALTER TABLE "public"."event" ATTACH PARTITION "public"."event_1"') for s in made)


def test_finish_drops_everything_that_replaced_rows_or_a_partition_left() -> None:
    on, table, _ = attached("event_1")
    for name in ("replace_rows", "attach_partition"):
        kind = switch_kinds.of(name)
        made, undone = (kind.finish([switched(on, table)], on, undone=state)[0] for state in (False, True))
        assert all(databases.qualified(on, n) in made for n in (table.kept, table.shadow)) and "undone" not in made
        assert all(databases.qualified(on, n) in undone for n in (table.kept, table.shadow)) and "undone" in undone
