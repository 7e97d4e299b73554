"""Preflight from its first question to its last: what each phase looks at, and what stops it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import sqlalchemy as sa

from penstock.databases import Size
from penstock.errors import Area, Problem
from penstock.model.plan import token
from penstock.planning import scope
from penstock.planning.preflight import checks, dry_build, endpoints, estimate, row_width, sample, selection, tables
from penstock.planning.preflight.context import Context, RowFacts
from penstock.planning.preflight.result import PreflightResult
from penstock.planning.request import RunRequest


def preflight(request: RunRequest, source: sa.Connection, target: sa.Connection, estimated: bool = False) -> PreflightResult:
    """Look at both databases and at the suites, and find every problem that a run would meet. Changes nothing.

    estimated: try a sample of the rows as well, for about two seconds.
    """
    ends = (endpoints.endpoint(request.migration, "source", source), endpoints.endpoint(request.migration, "target", target))
    context = Context(request, *ends)
    found = checks.run("databases", context)
    if _blocked(found):
        return PreflightResult((), _sorted(found))
    context = _planned(context)
    found += checks.run("tables", context)
    if not _blocked(found, "privileges"):
        context = _scoped(context)
        found += checks.run("scope", context)
        context = _built(context, found)
        found += checks.run("build", context)
    context = _with_rows(context, estimated, _blocked(found))
    found += checks.run("rows", context)
    moved = row_width.applied(context.run_plans, context.rows.widths)
    return PreflightResult(moved, _sorted(found), estimate.estimate(estimate.workload(context)))


def _planned(context: Context) -> Context:
    """With the tables planned, and with what both databases say of using them."""
    migration, source, target = context.migration, context.source, context.target
    planned = tables.plan(migration, token(migration.name, context.request.run), source, target)
    asked = tuple(selection.in_full(migration, name, planned.tables) for name in context.request.tables)
    context = replace(context, planned=planned, request=replace(context.request, tables=asked))
    reading = endpoints.source_access(migration, source, tuple(context.tables.values()))
    return replace(context, access=(*reading, *endpoints.target_access(migration, target, context.plans)))


def _scoped(context: Context) -> Context:
    """With the plans limited to the rows that this run moves."""
    asked = context.request
    request = scope.Request(asked.run, asked.interval, asked.tables, asked.repair)
    ends = (context.source.connection, context.target.connection)
    moved, problems = scope.cut(context.migration, request, context.plans, context.planned.plans, *ends)
    return replace(context, moved=moved, scope_problems=tuple(problems))


def _built(context: Context, found: Iterable[Problem]) -> Context:
    """With what the dry build found, and the plans without what it left out. Tables that can't be moved anyway are not tried."""
    if not context.migration.dry_build:
        return context
    blocked = [p.where for p in found if p.blocking]
    if any(not where.startswith("table ") for where in blocked):
        return context
    named = {p.name for p in context.run_plans if any(w == f"table {p.name}" or w.startswith(f"table {p.name},") for w in blocked)}
    plans = [p for p in context.run_plans if p.name not in named]
    context.target.connection.rollback()  # so that nothing is held while it is tried
    missing = endpoints.missing_schemas(context.migration, context.target)
    new = [name for name in missing if any(p.target.name.schema == name for p in plans)]
    context.target.connection.rollback()
    made = dry_build.build(dry_build.Asked(context.migration.name, plans, context.planned.plans, new), context.target)
    planned = replace(context.planned, plans=made.applied(context.planned.plans))
    moved = None if context.moved is None else made.applied(context.moved)
    return replace(context, dry_build=made, planned=planned, moved=moved)


def _with_rows(context: Context, estimated: bool, blocked: bool) -> Context:
    """With the sizes of the tables; and, where nothing blocks the run, with a sample and with the widths of rows."""
    sizes = _sizes(context)
    rows = RowFacts(sizes)
    if estimated and not blocked:
        context.source.connection.rollback()  # so that nothing is held while the sample is taken
        context.target.connection.rollback()
        rows = replace(rows, sample=sample.take(context.plans, sizes, context.source, context.target))
    if not blocked:
        rows = replace(rows, widths=row_width.measure(context.run_plans, sizes, context.migration, context.source))
    return replace(context, rows=rows)


def _sizes(context: Context) -> dict[str, Size]:
    """The sizes of the tables as the source's statistics have them, schema by schema: a database answers by names without a schema."""
    sizes: dict[str, Size] = {}
    for schema in context.source.schemas:
        plans = [p for p in context.plans if p.source.name.schema == schema]
        found = context.source.database.sizes(context.source.connection, [p.source for p in plans]) if plans else {}
        sizes |= {p.name: found[p.source.name.name] for p in plans if p.source.name.name in found}
    return sizes


def _blocked(found: Iterable[Problem], area: Area | None = None) -> bool:
    return any(p.blocking and area in (None, p.area) for p in found)


def _sorted(found: Iterable[Problem]) -> tuple[Problem, ...]:
    """Blocking ones first; else in the order of the checks."""
    return tuple(sorted(found, key=lambda p: not p.blocking))
