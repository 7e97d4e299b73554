"""The tables of a migration, planned from both catalogues and the migration file. Checks judge what it returns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from penstock import transforms
from penstock.databases import Database
from penstock.errors import PenstockError, UnsupportedType
from penstock.migration.spec import Migration
from penstock.model.plan import TablePlan
from penstock.model.schema import INTEGERS, TEXTS, Column, Table, TableName, Type
from penstock.planning import beside_live, schema_differences, schema_objects
from penstock.planning.ends import Ends
from penstock.planning.preflight import endpoints, links, object_names, own_values, selection
from penstock.planning.preflight.context import Planned
from penstock.planning.preflight.endpoints import Endpoint
from penstock.transforms._changes import changes
from penstock.transforms._mapping import Mapped, map_table, trace

# Types whose values order and compare the same way on every database, so that ranges of them can be found again.
_CHUNKABLE = INTEGERS | TEXTS | {"date"}
_UNINDEXED = TEXTS - {"uuid"}


def plan(migration: Migration, run_token: str, source: Endpoint, target: Endpoint) -> Planned:
    """What each table of the migration becomes. run_token: of the run, for the names of the tables that it keeps."""
    names = selection.source_names(migration, source)
    aside = selection.set_aside(migration, source)
    chosen = selection.chosen(migration, names, (n for group in aside for n in group))
    found = [t for t in _inspected(source, map(migration.bare, chosen)) if migration.called(t.name) in chosen]
    heirs = _heirs(found, migration)
    tables = {n: _as_declared(t, migration, source.database) for t in found if (n := migration.called(t.name)) not in heirs}
    alike = _alike(source, target)
    ends = Ends(source.database, target.database, alike, target.server, endpoints.named_types(source, target) if alike else frozenset())
    if ends.alike:
        tables = own_values.as_own_text(tables, migration, source)
    mapped, faults = _mapped(migration, tables, next(iter(target.schemas), ""))
    live = {t.name: t for t in _inspected(target)}
    linked = links.link(tables, mapped)
    carried = {n: schema_objects.carry(n, tables[n], table, mapped[n], ends) for n, table in linked.tables.items()}
    shapes, unreferable = links.unreferable({name: table for name, (table, _) in carried.items()}, target.database)
    planner = _Planner(migration, run_token, source.database, target.database, live)
    plans = tuple(planner.plan(tables[name], table, mapped[name]) for name, table in shapes.items())
    plans = object_names.free(plans, target.database, live.values())
    reported = {n: [*lost, *linked.left_out_of(n), *unreferable.get(n, ())] for n, (_, lost) in carried.items()}
    return Planned(
        source_names=names,
        set_aside={g: what for g, what in aside.items() if not tables.keys() & {*g}} | {(n,): what for n, what in heirs.items()},
        tables=tables,
        mapped=mapped,
        faults=faults,
        left_out_keys=linked.left_out,
        live=tuple(live.values()),
        plans=tuple(replace(p, differences=schema_differences.find(p, reported[p.name], ends)) for p in plans),
    )


def _heirs(tables: Sequence[Table], migration: Migration) -> dict[str, str]:
    """The tables that inherit from another one of these, which is read with their rows; not those that the migration names itself."""
    names = {migration.called(t.name) for t in tables}
    found: dict[str, str] = {}
    for table in tables:
        parents = [w if "." in w else migration.called(TableName(w, table.name.schema)) for w in table.inherits]
        name, parent = migration.called(table.name), next((p for p in parents if p in names), "")
        if parent and not selection.named(migration, name):
            found[name] = f"{name}, which inherits from {parent}: its rows are moved with those of {parent}, without the columns of its own"
    return found


def _inspected(end: Endpoint, only: Iterable[str] | None = None) -> list[Table]:
    """The tables of the schemas of one end. only: their names, without schemas."""
    wanted = None if only is None else list(dict.fromkeys(only))
    return [table for schema in end.schemas for table in end.database.inspect(end.connection, schema, wanted)]


def _alike(source: Endpoint, target: Endpoint) -> bool:
    """Whether both ends are servers of one kind, which understand each other's own words."""
    from_, to = source.database, target.database
    if not to.dialect or from_.dialect != to.dialect:
        return False
    return source.server.product == target.server.product


def _as_declared(table: Table, migration: Migration, database: Database) -> Table:
    """`table` with the key that the migration declares, and with those columns read as the database's own text that it takes as text."""
    spec = migration.spec_of(migration.called(table.name))
    names = [c.name for c in table.columns]
    if spec.key and not table.primary_key and all(c in names for c in spec.key):
        table = replace(table, primary_key=tuple(spec.key))
    steps = trace(names, spec.transform)

    def read(column: Column) -> Column:
        bounds = column.name in table.key and column.type.name in _CHUNKABLE  # chunks are cut by what it is
        wanted = column.name in (steps.must_be_text if bounds else steps.as_text)
        loose = wanted and column.type.name in database.types_with_invalid_values
        return replace(column, type=Type("unsupported")) if loose else column

    return replace(table, columns=tuple(map(read, table.columns)))


def _mapped(migration: Migration, tables: Mapping[str, Table], home: str) -> tuple[dict[str, Mapped], dict[str, PenstockError]]:
    """What the steps make of each table; and why they can't be applied to the others. home: the target's schema, where none is mapped."""
    mapped: dict[str, Mapped] = {}
    faults: dict[str, PenstockError] = {}
    for name, table in tables.items():
        spec = migration.spec_of(name)
        schema = migration.schemas.get(table.name.schema or "") or home
        try:
            columns = transforms.schema(table.columns, spec.transform, f"{migration.path}: tables.{name}")
        except PenstockError as error:
            faults[name] = error
            continue
        found = map_table(table, columns, spec.transform, TableName(spec.to or table.name.name, schema))
        mapped[name] = replace(found, changes=changes(table.columns, spec.transform))
    return mapped, faults


@dataclass(frozen=True)
class _Planner:
    """What all plans of a migration have in common. live: the tables at the target."""

    migration: Migration
    run_token: str
    from_: Database
    to: Database
    live: Mapping[TableName, Table]

    def plan(self, source: Table, target: Table, mapped: Mapped) -> TablePlan:
        spec = self.migration.spec_of(self.migration.called(source.name))
        key, to, qualified = source.key, self.to, bool(self.migration.schemas)
        owner = beside_live.owner(self.migration.name, target.name, qualified)
        # The bounds of chunks are values of the key, and the plan, which holds them, can be read by everybody who sees the run.
        private = {*spec.sensitive, *trace(key, spec.transform).concealed} & set(key)
        # No index helps to find a range of texts in the order of their bytes: where rows lie is the better cut.
        kinds = _CHUNKABLE - _UNINDEXED if self.from_.row_place else _CHUNKABLE
        chunkable = not private and all(source.column(c).type.name in kinds for c in key)
        ranged = chunkable and bool(key) and all(c in mapped.untouched for c in key)
        bad_rows = spec.bad_rows or self.migration.bad_rows
        return TablePlan(
            source=source,
            target=replace(target, columns=tuple(replace(c, native=_native(c, to)) for c in target.columns)),
            shadow=to.shadow(target.name, owner),
            kept=to.kept(target.name, owner, self.run_token),
            live_exists=target.name in self.live,
            steps=tuple(spec.transform),
            key=key if chunkable else (),
            target_key=tuple(mapped.untouched[c] for c in key) if ranged else target.key,
            chunks_at_target=ranged,
            sensitive=tuple(spec.sensitive),
            how=self.migration.switch.how,
            source_primary_key=bool(source.primary_key) and not spec.key,
            quarantines=bad_rows.action == "quarantine",
            at_most=spec.bad_rows.at_most if spec.bad_rows else None,
            qualified=qualified,
        )


def _native(column: Column, to: Database) -> str:
    """The column's type as the target writes it; as the source does where the target has none, which a check refuses."""
    try:
        return column.kept or to.native(column.type, column.identity)
    except UnsupportedType:
        return column.native
