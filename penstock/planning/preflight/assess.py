"""Everything that can be found out before a row moves: what the tables become, and what stands in the way, all at once."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from penstock import databases, transforms
from penstock.databases import Database
from penstock.databases._shared import ddl
from penstock.errors import PenstockError, Problem, UnsupportedType
from penstock.migration import suites
from penstock.migration.spec import Migration, TableSpec
from penstock.model.column_mapping import Mapped, as_text, concealed, link, map_table
from penstock.model.plan import TablePlan
from penstock.model.schema import INTEGERS, TEXTS, Column, Table, TableName, Type
from penstock.planning import names as naming
from penstock.planning import schema_objects
from penstock.planning.preflight import endpoints, keys, sample
from penstock.planning.preflight import estimate as outlook
from penstock.planning.preflight.estimate import Outlook
from penstock.state import journal

# What a declared counterpart holds, where its type does not say it.
_FORMS = {
    "geometry": ", its SRID and WKB",
    "set": ", the text of its labels",
    "array": ", as PostgreSQL writes it",
    "range": ", as PostgreSQL writes it",
}
# Types whose values order and compare the same way on every database, so that ranges of them can be found again.
_CHUNKABLE = INTEGERS | TEXTS | {"date"}
_UNINDEXED = TEXTS - {"uuid"}


@dataclass(frozen=True)
class Assessment:
    """What was found: the tables as they will be, the problems, what blocks first, and how much there is to do.

    every: all tables of the migration, those that are not asked for included.
    """

    tables: tuple[TablePlan, ...]
    problems: tuple[Problem, ...]
    outlook: Outlook | None = None
    every: tuple[TablePlan, ...] = ()

    @property
    def blocking(self) -> tuple[Problem, ...]:
        return tuple(p for p in self.problems if p.blocking)

    def record(self) -> dict[str, Any]:
        """The same as one JSON-able record."""
        told = self.outlook.told() if self.outlook else []
        return {
            "tables": len(self.tables),
            "problems": [asdict(p) for p in self.problems],
            "told": told,
            "outlook": asdict(self.outlook) if self.outlook else None,
        }


def assess(
    migration: Migration,
    run_token: str,
    source: sa.Connection,
    target: sa.Connection,
    folder: Path,
    only: Sequence[str] = (),
    root: str = "",
    estimate: bool = False,
) -> Assessment:
    """Look at both databases and at the suites in `folder`, and say what the migration would do there. Changes nothing.

    `only` limits it to these source tables.  root: of the staging area, to ask its disk for room.
    estimate: try a sample of the rows as well, for about two seconds.
    """
    from_, to = databases.of(source.engine.url), databases.of(target.engine.url, target=True)
    source_schema, problems = endpoints.place(migration, "source", from_, source)
    schema, more = endpoints.place(migration, "target", to, target)
    if problems + more:
        return Assessment((), tuple(problems + more))
    if migration.consistency == "run" and from_.snapshot != "run":
        what = f"{from_.label} can only give a snapshot per table"
        problems.append(Problem(True, f"{migration.path}: consistency", what, "use consistency: table", "settings"))
    tables = _chosen(migration, source_schema, from_, source, problems)
    for name in only:
        if name not in tables:
            problems.append(Problem(True, f"table {name}", "this migration has no such table", _nearest(name, tables), "migration"))
    tables = {n: _with_texts(t, migration, from_) for n, t in tables.items()}
    wanted = {n: t for n, t in tables.items() if not only or n in only}
    problems += endpoints.source_problems(migration, from_, source, source_schema, wanted.values())
    mapped, odd = _mapped(migration, tables, schema)
    problems += [p for name, found in odd.items() if name in wanted for p in found]
    standing = {t.name.name: t for t in to.inspect(target, schema)}
    linked, loose = link({n: m.table for n, m in mapped.items()}, {n: m.untouched for n, m in mapped.items()})
    missing = "is left out: what it refers to is not in this migration"
    problems += [Problem(False, f"table {t}", f"foreign key {k} {missing}") for t, k in loose if t in wanted]
    alike = bool(to.dialect) and from_.dialect == to.dialect and from_.version(source).split()[0] == to.version(target).split()[0]
    for name, table in linked.items():
        linked[name], told = schema_objects.carry(tables[name], table, mapped[name].untouched, (from_, to), alike)
        problems += [Problem(False, f"table {name}", what) for what in told if name in wanted]
    problems += schema_objects.told(wanted, from_.left_behind(source, migration.source_schema))
    every = [_plan(migration, run_token, tables[n], linked[n], mapped[n], from_, to, standing) for n in linked]
    every = _with_free_names(every, to, standing)
    plans = [p for p in every if p.name in wanted]
    problems += [replace(p, area="suite") for p in suites.strays(folder, tables)]
    for plan in plans:
        problems += _native_problems(plan, to)
        problems += _left_out(plan, to)
        problems += suite_problems(plan, folder)
    problems += keys.problems(plans, from_) + naming.problems(plans, to, standing.values())
    barred = endpoints.target_problems(migration, to, target, schema, plans)
    problems += barred
    if not any(p.blocking and p.area == "privileges" for p in barred):
        problems += _collisions(migration, plans, to, target, schema)
    seen, more = _looked(migration, plans, source, target, root, estimate and not any(p.blocking for p in problems))
    return Assessment(tuple(plans), tuple(sorted(problems + more, key=lambda p: not p.blocking)), seen, tuple(every))


def _looked(
    migration: Migration, plans: Sequence[TablePlan], source: sa.Connection, target: sa.Connection, root: str, estimate: bool
) -> tuple[Outlook, list[Problem]]:
    """How much there is to do, by the databases' own accounts and, with `estimate`, by a sample of the rows."""
    from_, to = databases.of(source.engine.url), databases.of(target.engine.url, target=True)
    sizes = from_.sizes(source, [p.source for p in plans])
    paces: list[sample.Pace] = []
    problems: list[Problem] = []
    if estimate:
        source.rollback()  # so that nothing is held while the sample is taken
        target.rollback()
        ordered = sorted(plans, key=lambda p: -(sizes[p.name].bytes or 0) if p.name in sizes else 0)
        paces, problems = sample.take(ordered, from_, to, source.engine, target.engine)
    file = (target.engine.url.database or "").removeprefix("file:") if to.embedded else None
    writers = endpoints.connections(migration) if to.parallel_writers else 1
    found, short = outlook.look(plans, sizes, paces, root, file, endpoints.connections(migration), writers)
    return found, problems + short


def _matching(names: Sequence[str], patterns: Sequence[str]) -> set[str]:
    """The names that one of the patterns means."""
    plain = {p for p in patterns if not set(p) & set("*?[")}
    others = [p for p in patterns if p not in plain]
    return {n for n in names if n in plain or any(fnmatchcase(n, p) for p in others)}


def _chosen(migration: Migration, schema: str, database: Database, connection: sa.Connection, problems: list[Problem]) -> dict[str, Table]:
    """The source tables that the migration names, by name."""
    found = sa.inspect(connection).get_table_names(schema=schema)
    specs = migration.tables.specs
    included, excluded = _matching(found, migration.tables.include), _matching(found, migration.tables.exclude)
    for name in specs:
        if name not in found:
            problems.append(
                Problem(True, f"{migration.path}: tables.{name}", f"the source has no table {name}", _nearest(name, found), "migration")
            )
    wanted = [
        n for n in found if n not in journal.NAMES and not n.startswith("penstock_") and (n in specs or n in included) and n not in excluded
    ]
    for pattern in migration.tables.include:
        if pattern != "*" and pattern not in included and not _matching(found, [pattern]):
            problems.append(
                Problem(
                    True, f"{migration.path}: tables.include", f"no source table matches {pattern!r}", _nearest(pattern, found), "migration"
                )
            )
    if not wanted and not problems:
        problems.append(Problem(True, f"{migration.path}: tables", f"the source schema {schema} has no tables to move", area="migration"))
    tables = {t.name.name: _with_key(t, specs.get(t.name.name), migration, problems) for t in database.inspect(connection, schema, wanted)}
    for name in wanted:
        if name not in tables and (name in specs or name in migration.tables.include):
            where, what = f"{migration.path}: tables.{name}", f"{name} is a partition: a table is moved with all of its partitions"
            problems.append(Problem(True, where, what, "name the table that it is a part of", "migration"))
    return tables


def _with_key(table: Table, spec: TableSpec | None, migration: Migration, problems: list[Problem]) -> Table:
    if spec is None:
        return table
    names = [c.name for c in table.columns]
    for what, columns in (("key", spec.key), ("sensitive", spec.sensitive)):
        for column in columns:
            if column not in names and what == "key":
                where = f"{migration.path}: tables.{table.name.name}.{what}"
                problems.append(Problem(True, where, f"the table has no column {column}", _nearest(column, names), "migration"))
    if spec.key and not table.primary_key and all(c in names for c in spec.key):
        return replace(table, primary_key=tuple(spec.key))
    return table


def _with_texts(table: Table, migration: Migration, from_: Database) -> Table:
    """`table` with those columns read as the database's own text that the migration casts to string, or drops, before anything else."""
    spec = migration.tables.specs.get(table.name.name)
    wanted = as_text((c.name for c in table.columns), spec.transform if spec else ())

    def read(column: Column) -> Column:
        bounds = column.name in table.key and column.type.name in _CHUNKABLE  # chunks are cut by what it is
        loose = column.name in wanted and column.type.name in from_.loose and not bounds
        return replace(column, type=Type("unsupported")) if loose else column

    return replace(table, columns=tuple(map(read, table.columns)))


def _mapped(migration: Migration, tables: dict[str, Table], schema: str | None) -> tuple[dict[str, Mapped], dict[str, list[Problem]]]:
    """What the steps make of each table, and by table what is wrong with them."""
    mapped: dict[str, Mapped] = {}
    taken: dict[str, str] = {}
    told: dict[str, list[Problem]] = {}
    for name, table in tables.items():
        problems = told.setdefault(name, [])
        spec = migration.tables.specs.get(name)
        steps = tuple(spec.transform) if spec else ()
        try:
            columns = transforms.schema(table.columns, steps, f"{migration.path}: tables.{name}")
        except PenstockError as error:
            problems.append(Problem(True, error.where or f"table {name}", error.what, error.fix, "migration"))
            continue
        live = TableName((spec.to if spec else None) or name, schema)
        if live.name in taken:
            problems.append(
                Problem(True, f"table {name}", f"{taken[live.name]} becomes {live.name} too", "give one of them another `to`", "collision")
            )
        taken[live.name] = name
        mapped[name] = map_table(table, columns, steps, live)
        problems += [Problem(False, f"table {name}", f"left out: {lost}") for lost in mapped[name].lost]
        problems += [Problem(False, f"table {name}", f"not carried: {note}") for note in table.notes]
    return mapped, told


def _plan(
    migration: Migration,
    run_token: str,
    source: Table,
    target: Table,
    mapped: Mapped,
    from_: Database,
    to: Database,
    standing: dict[str, Table],
) -> TablePlan:
    spec = migration.tables.specs.get(source.name.name)
    key = source.key
    # no index helps to find a range of texts in the order of their bytes: where rows lie is the better cut
    steps, sensitive = (tuple(spec.transform), tuple(spec.sensitive)) if spec else ((), ())
    # the bounds of chunks are values of the key, and the plan, which holds them, can be read by everybody who sees the run
    private = {*sensitive, *concealed(key, steps)} & set(key)
    chunkable = not private and all(source.column(c).type.name in (_CHUNKABLE - _UNINDEXED if from_.row_place else _CHUNKABLE) for c in key)
    ranged = chunkable and bool(key) and all(c in mapped.untouched for c in key)
    return TablePlan(
        source=source,
        target=replace(target, columns=tuple(replace(c, native=_written(c, to)) for c in target.columns)),
        shadow=to.shadow(target.name, migration.name),
        kept=to.kept(target.name, migration.name, run_token),
        live_exists=target.name.name in standing,
        steps=steps,
        key=key if chunkable else (),
        target_key=tuple(mapped.untouched[c] for c in key) if ranged else target.key,
        chunks_at_target=ranged,
        sensitive=sensitive,
        how=migration.switch.how,
        source_primary_key=bool(source.primary_key) and not (spec and spec.key),
        quarantines=((spec and spec.bad_rows) or migration.bad_rows).action == "quarantine",
        at_most=spec.bad_rows.at_most if spec and spec.bad_rows else None,
    )


def _written(column: Column, to: Database) -> str:
    """The column's type as the target writes it; as the source does where the target has none, which is refused below."""
    try:
        return column.kept or to.native(column.type, column.identity)
    except UnsupportedType:
        return column.native


def _with_free_names(plans: list[TablePlan], to: Database, standing: dict[str, Table]) -> list[TablePlan]:
    """Name indexes and foreign keys so that they fit, and stand beside the live ones where names are shared."""
    shadows = {p.shadow.name for p in plans}
    others = [t for t in standing.values() if t.name.name not in shadows]
    taken = {
        "index": {i.name for t in others for i in t.indexes} if "index" in to.shared_names else set(),
        "foreign key": {f.name for t in others for f in t.foreign_keys} if "foreign key" in to.shared_names else set(),
        "check": {c.name for t in others for c in t.checks} if "check" in to.shared_names else set(),
    }

    def named(kind: str, name: str) -> str:
        # where names are not each table's own, two source tables may use one
        found = ddl.free_name(name, taken[kind], to.max_identifier)
        taken[kind].add(found)
        return found

    free = []
    for plan in plans:
        table = plan.target
        taken |= {kind: set() for kind in to.own_names}
        indexes = tuple(replace(i, name=named("index", i.name)) for i in table.indexes)
        foreign = tuple(replace(f, name=named("foreign key", f.name)) for f in table.foreign_keys)
        checks = tuple(replace(c, name=named("check", c.name) if c.name else "") for c in table.checks)
        free.append(replace(plan, target=replace(table, indexes=indexes, foreign_keys=foreign, checks=checks)))
    return free


def _native_problems(plan: TablePlan, to: Database) -> list[Problem]:
    problems = []
    for column in plan.target.columns:
        where = f"table {plan.name}, column {column.name}"
        if column.type.name == "unsupported":
            choices = f"add `cast: {{{column.name}: string}}` to carry its text (`json` where that is JSON), or drop it"
            problems.append(Problem(True, where, f"the source type {column.native} has no counterpart", choices, "type"))
            continue
        try:
            to.native(column.type)
        except UnsupportedType as error:
            problems.append(Problem(True, where, error.what, error.fix, "type"))
    return problems


def _left_out(plan: TablePlan, to: Database) -> list[Problem]:
    """What the target has no place for, and what it holds in another form: advice, so that nothing is lost in silence."""
    told = []
    if not to.secondary_indexes:
        told += [f"index {i.name} is not made: {to.label} could not switch the table with it" for i in plan.target.indexes if not i.unique]
    if not to.foreign_keys:
        told += [f"foreign key {f.name} is not made: {to.label} could not switch the table with it" for f in plan.target.foreign_keys]
    for column in plan.target.columns:
        try:
            own, exact = to.native(column.type), to.exact(column.type)
        except UnsupportedType:
            continue  # refused above
        if not exact:
            form = _FORMS.get(column.type.name, "")
            told.append(f"{column.name} is carried as {own.split(' CHARACTER SET')[0]}{form}: {to.label} has no {column.type}")
        if column.identity and to.native(column.type, identity=True) == own:
            told.append(f"{column.name} keeps its numbers; {to.label} does not number new rows by itself")
    return [Problem(False, f"table {plan.name}", what) for what in told]


def suite_problems(plan: TablePlan, folder: Path) -> list[Problem]:
    """What is wrong with a table's suites: unreadable ones, and expectations on columns that are not there at that stage."""
    problems = []
    for stage, shape in (("extracted", plan.source), ("transformed", plan.target), ("loaded", plan.target)):
        try:
            problems += suites.check(suites.of(folder, plan.name, stage, shape), shape.columns)
        except PenstockError as error:
            problems.append(Problem(True, error.where or f"suite of {plan.name}", error.what, error.fix))
    return [replace(p, area="suite") for p in problems]


def _collisions(migration: Migration, plans: Sequence[TablePlan], to: Database, target: sa.Connection, schema: str | None) -> list[Problem]:
    """Things at the target that the switch would meet and must not."""
    problems = []
    views = set(sa.inspect(target).get_view_names(schema=schema))
    known = journal.exists(target)
    standing = databases.standing(target, (p.shadow for p in plans))
    for plan in plans:
        if plan.target.name.name in views:
            problems.append(
                Problem(
                    True,
                    f"table {plan.name}",
                    f"{plan.target.name} is a view at the target",
                    "drop the view or choose another `to`",
                    "collision",
                )
            )
        owner = journal.shadow_owner(target, plan.shadow) if known else None
        if (owner is None or owner[0] != migration.name) and plan.shadow in standing:
            what = f"the target already holds {plan.shadow}, which is not a shadow of this migration"
            problems.append(
                Problem(True, f"table {plan.name}", what, "rename or drop it, or give this migration another name", "collision")
            )
    return problems


def _nearest(word: str, known: Iterable[str]) -> str:
    near: Callable[..., list[str]] = difflib.get_close_matches
    found = near(word, list(known), n=1)
    return f"did you mean {found[0]!r}?" if found else f"there are: {', '.join(sorted(known)[:12])}"
