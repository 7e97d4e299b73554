"""Every switch kind on every database that has it: its statements put the shadow live, its undo puts the old rows back, nothing is left."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import pytest
import sqlalchemy as sa

from penstock import databases
from penstock.databases import Database, execute
from penstock.databases._shared import ddl
from penstock.migration.switch_kinds import REGISTRY
from penstock.model.plan import Plan, TablePlan
from penstock.model.schema import Column, Table, TableName, Type
from penstock.model.scope import Changes, Differences, Partition, Scope, Whole
from penstock.planning import switch_kinds
from penstock.planning.statements import prepare_statements, texts
from penstock.planning.switch_kinds import LiveFacts, SwitchedTable, SwitchKind

Rows = list[tuple[int, int, str]]
"""(id, the day of March on which it happened, note)"""

DAY = Partition("moment", "moment", "2024-03-01 00:00:00", "2024-03-02 00:00:00")
LIVE: Rows = [(1, 1, "old"), (2, 1, "old"), (3, 2, "old")]


@dataclass(frozen=True)
class Case:
    """loaded: the rows of the shadow.  delete: the keys of live rows that a repair deletes.  after: the live rows after the switch."""

    kind: str
    scope: Scope
    loaded: Rows
    after: Rows
    delete: tuple[int, ...] = ()


CASES = {
    "swap": Case("swap", Whole(), [(1, 1, "new"), (4, 2, "new")], [(1, 1, "new"), (4, 2, "new")]),
    "rows of a whole table": Case("replace_rows", Whole(), [(1, 1, "new"), (4, 2, "new")], [(1, 1, "new"), (4, 2, "new")]),
    "rows of an interval": Case("replace_rows", DAY, [(1, 1, "new"), (5, 1, "new")], [(1, 1, "new"), (3, 2, "old"), (5, 1, "new")]),
    "a row that moved into the interval": Case("replace_rows", DAY, [(3, 1, "moved")], [(3, 1, "moved")]),
    "changed rows": Case(
        "replace_rows",
        Changes("moment", "moment", "2024-03-01 00:00:00"),
        [(2, 1, "new"), (6, 2, "new")],
        [(1, 1, "old"), (2, 1, "new"), (3, 2, "old"), (6, 2, "new")],
    ),
    "rows that differ": Case("replace_rows", Differences(Whole()), [(1, 1, "new")], [(1, 1, "new"), (3, 2, "old")], delete=(1, 2)),
    "partition": Case("attach_partition", DAY, [(1, 1, "new"), (5, 1, "new")], [(1, 1, "new"), (3, 2, "old"), (5, 1, "new")]),
}


@pytest.fixture(params=["duckdb", "sqlite", "postgresql", "mariadb"])
def connection(request: pytest.FixtureRequest) -> Iterator[sa.Connection]:
    embedded = request.param in ("duckdb", "sqlite")
    url = sa.make_url(f"{request.param}:///:memory:") if embedded else request.getfixturevalue(f"{request.param}_url")
    engine = databases.of(url).engine(url)
    with engine.connect() as opened:
        yield opened
    engine.dispose()


@dataclass(frozen=True)
class Switched:
    """A live table and its shadow on a database, and the kind that switches it."""

    connection: sa.Connection
    target: Database
    kind: SwitchKind
    plan: TablePlan
    facts: LiveFacts

    @property
    def record(self) -> SwitchedTable:
        live, plan = self.plan.target.name, self.plan
        aside = self.target.kept(live, "feed", "undone")
        return SwitchedTable(live, plan.shadow, self.kind.keeps(plan, self.facts), aside, self.kind.notes(plan, self.facts))

    def apply(self) -> None:
        self.run(self.kind.prepare([self.plan], self.target))
        self.run(self.kind.apply([self.plan], self.target, self.facts))

    def undo(self) -> None:
        pair = [(self.plan, self.record)]
        self.run(self.kind.prepare_undo(pair, self.target))
        with self.connection.begin():
            facts = self.kind.read_for_undo(pair, self.target, self.connection)
        self.run(self.kind.undo(pair, self.target, facts))

    def finish(self, undone: bool) -> None:
        self.run(self.kind.finish([self.record], self.target, undone))

    def run(self, statements: Sequence[str]) -> None:
        with self.connection.begin():
            for statement in statements:
                execute(self.connection, statement)

    @property
    def live(self) -> Rows:
        """The rows of the live table, by the plain driver."""
        query = f"SELECT id, moment, note FROM {databases.qualified(self.target, self.plan.target.name)} ORDER BY id"
        with self.connection.begin():
            return [(i, int(str(at)[8:10]), n) for i, at, n in execute(self.connection, query)]

    @property
    def left(self) -> set[str]:
        """The tables of ours that are there beside the live one."""
        with self.connection.begin():
            inspector = sa.inspect(self.connection)
            schemas = inspector.get_schema_names() if self.target.label == "PostgreSQL" else [None]
            found = {f"{schema}.{t}" for schema in schemas for t in inspector.get_table_names(schema=schema)}
        return {name for name in found if "penstock" in name}


def switched(connection: sa.Connection, case: Case) -> Switched:
    """The live table with its rows, and the shadow as a run would have made and loaded it. Skips where the database has no such kind."""
    target, kind = databases.of(connection.engine.url), switch_kinds.of(case.kind)
    if kind.effect == "partition" and target.exchange is None:
        pytest.skip(f"{target.label} has no partitions that can be exchanged")
    schema = "public" if target.label == "PostgreSQL" else None
    kinds = {"id": Type("int64"), "moment": Type("timestamp"), "note": Type("string", length=10)}
    columns = tuple(Column(n, t, nullable=n == "note", native=target.native(t)) for n, t in kinds.items())
    table = Table(TableName("event", schema), columns, ("id",))
    shadow, kept = target.shadow(table.name, "feed", "abc"), target.kept(table.name, "feed", "abc")
    plan = TablePlan(table, table, shadow, kept, True, (), ("id",), ("id",), True, (), scope=case.scope, how=case.kind)
    if kind.effect == "partition":  # named as a run would name it, so that it is free among the live tables
        plan = replace(plan, shadow=replace(shadow, name="event_20240301_abc"), kept=replace(kept, name="event_20240301_abc"))
    if isinstance(case.scope, Differences):
        plan = replace(plan, scope=replace(case.scope, delete_keys=target.shadow(table.name, "feed", "abck")))
    insert, run = partial(inserted, target, columns), Switched(connection, target, kind, plan, LiveFacts()).run
    if kind.effect == "partition":
        run(["CREATE TABLE event (id bigint NOT NULL, moment timestamp NOT NULL, note varchar(10)) PARTITION BY RANGE (moment)"])
        run([f"CREATE TABLE event_{d} PARTITION OF event FOR VALUES FROM ('2024-03-0{d}') TO ('2024-03-0{d + 1}')" for d in (1, 2)])
    else:
        run([ddl.create_table(target, table, table.name), *ddl.keys(target, table, table.name)])
    run(insert(table.name, LIVE))
    run(texts(prepare_statements([plan], target)))
    run(insert(plan.shadow, case.loaded))
    if plan.delete_keys:
        run([f"INSERT INTO {databases.qualified(target, plan.delete_keys)} VALUES ({key})" for key in case.delete])
    with connection.begin():
        facts = kind.read([plan], target, connection)
    return Switched(connection, target, kind, plan, facts)


def inserted(target: Database, columns: Sequence[Column], place: TableName, rows: Rows) -> list[str]:
    names = ", ".join(c.name for c in columns)
    return [
        f"INSERT INTO {databases.qualified(target, place)} ({names}) VALUES ({i}, '2024-03-0{day} 12:00:00', '{note}')"
        for i, day, note in rows
    ]


def alone(table: TablePlan) -> Plan:
    """The plan of a run of this table."""
    return Plan(
        migration="feed",
        run="r",
        token="abc",
        fingerprint="",
        source="",
        target="",
        source_version="",
        target_version="",
        consistency="run",
        how=table.how,
        approval=False,
        keep_old_seconds=0,
        parallel_writers=False,
        connections=1,
        memory=0,
        tables=(table,),
    )


def test_every_kind_of_the_folder_is_tried_here() -> None:
    assert {case.kind for case in CASES.values()} == set(REGISTRY.own)


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_what_is_switched_is_live_and_an_undo_puts_the_old_rows_back(connection: sa.Connection, case: Case) -> None:
    made = switched(connection, case)
    assert made.live == LIVE
    made.apply()
    assert made.live == case.after
    made.undo()
    assert made.live == LIVE


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
@pytest.mark.parametrize("undone", [False, True], ids=["kept", "undone"])
def test_finish_leaves_the_live_table_and_nothing_else(connection: sa.Connection, case: Case, undone: bool) -> None:
    made = switched(connection, case)
    made.apply()
    if undone:
        made.undo()
    before = made.live
    made.finish(undone)
    assert made.live == before
    keys = made.plan.delete_keys  # dropped by the switch stage, once the switch is over
    assert {name.rpartition(".")[2] for name in made.left} <= ({keys.name} if keys else set())
