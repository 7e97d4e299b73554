"""The schema proof: what the target's catalogue says of a table that was built, beside the plan.

Planning has found every difference between source and plan (see schema_differences). So a difference between plan and target is one that
`penstock check` did not announce.

A server may write an expression or a type in other words than the plan. Such a fact is compared twice: with the plan as far as any server
tells it, and word for word with what the same server wrote right after the build.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation

import sqlalchemy as sa

from penstock.databases import Database
from penstock.model.plan import TablePlan
from penstock.model.schema import DECIMALS, INTEGERS, TEXTS, Table, TableName
from penstock.model.schema_difference import SchemaDifference
from penstock.model.schema_facts import Change, View, changes, facts, named_alike
from penstock.planning import built_schema

_LITERALS = (TEXTS - {"json", "jsonb", "uuid"}) | INTEGERS | DECIMALS | {"boolean", "float32", "float64"}
"""The types whose literal defaults a server keeps as they are. A default of a date, of JSON or of bytes it may write in other words."""
_UNPLANNED = "`penstock check` did not announce it"


def read(database: Database, connection: sa.Connection, names: Iterable[TableName]) -> dict[TableName, Table]:
    """These tables as the target's catalogue has them. One that is not there is left out."""
    by_schema: dict[str | None, list[str]] = {}
    for name in names:
        by_schema.setdefault(name.schema, []).append(name.name)
    found: dict[TableName, Table] = {}
    for schema, wanted in by_schema.items():
        tables = {t.name.name: t for t in database.inspect(connection, schema, wanted)}
        if len(tables) < len(wanted):  # a server may keep names in lower case
            tables |= {t.name.name.lower(): t for t in database.inspect(connection, schema) if t.name.name not in tables}
        found |= {TableName(n, schema): t for n in wanted if (t := tables.get(n) or tables.get(n.lower()))}
    return found


def differences(
    plan: TablePlan, tables: Sequence[TablePlan], built: Table | None, now: Table | None, database: Database
) -> tuple[SchemaDifference, ...]:
    """What of a shadow is not as planned. tables: of the run.  built: as it was right after the build.  now: as it is; None: it is gone."""
    planned = built_schema.shadow(plan, tables, database)
    found = list(_differ(planned, now, database, plan, _UNPLANNED))
    if built is not None and now is not None:
        there, here = (facts(named_alike(planned, t), View()) for t in (built, now))
        found += _named(changes(there, here), plan, "it was changed after the build")
    unique: dict[tuple[str, str, str], SchemaDifference] = {}
    for difference in found:
        unique.setdefault(difference.key(), difference)
    return tuple(unique.values())


def drift(plan: TablePlan, live: Table | None, database: Database) -> tuple[SchemaDifference, ...]:
    """What of a live table, which stays and gets rows, is not as the migration would make it."""
    planned = built_schema.possible(plan.target, database)
    return tuple(_differ(planned, live, database, plan, "the live table was changed, or made otherwise"))


def _differ(planned: Table, found: Table | None, database: Database, plan: TablePlan, reason: str) -> Iterator[SchemaDifference]:
    if found is None:
        yield from _named([Change("table", "", "", str(plan.target.name), "")], plan, reason)
        return
    view = built_schema.view(database)
    there, here = facts(planned, view), facts(named_alike(planned, found), view)
    yield from _named((c for c in changes(there, here) if not _left_open(c, planned)), plan, reason)


def _left_open(change: Change, planned: Table) -> bool:
    """Whether the plan leaves it to the target."""
    before, after = change.before, change.after
    if change.property == "next number":
        return not before or (_number(before) is not None and _number(after) is not None and int(after) >= int(before))
    if change.property == "default":
        worded = planned.column(change.name).type.name not in _LITERALS
        return bool(before and after) and (worded or built_schema.EXPRESSION in (before, after) or _plain(before) == _plain(after))
    return change.property == "collation" and not before


def _number(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def _plain(default: str) -> object:
    """A literal as what it means: some servers write booleans as numbers, and numbers and times with other zeros."""
    text = default.strip("'").rstrip()
    if text.lower() in ("true", "t"):
        return Decimal(1)
    if text.lower() in ("false", "f"):
        return Decimal(0)
    number = _number(text)
    return text.removesuffix(" 00:00:00") if number is None else number


def _named(found: Iterable[Change], plan: TablePlan, reason: str) -> Iterator[SchemaDifference]:
    for change in found:
        if change.object == "index" and not change.before and not change.property and "unique yes" not in change.after:
            continue  # an index that the target adds changes no answer
        yield _difference(change, plan, reason)


def _difference(change: Change, plan: TablePlan, reason: str) -> SchemaDifference:
    difference = SchemaDifference(
        plan.name, change.object, change.name, change.property, change.before, change.after, "lost", reason, warned=True
    )
    thing = difference.thing()
    if change.property:
        line = f"{change.property} of {thing} is {change.after or 'none'}, planned was {change.before or 'none'}: {reason}"
    elif change.before:
        line = f"{thing} is missing: {reason}"
    else:
        line = f"{thing} was added ({change.after}): {reason}"
    return replace(difference, line=line)
