"""The key of a changed row at the target, of its key at the source: a deleted row has no other values."""

from __future__ import annotations

from collections.abc import Mapping

from penstock import transforms
from penstock.model.plan import TablePlan
from penstock.transforms import Step


def steps(plan: TablePlan) -> tuple[Step, ...] | None:
    """The steps of a table as far as they change its key, with the arguments of the key's columns alone.

    None where the key at the target does not follow from the key at the source: a column is dropped, or is made of other columns.
    """
    found: list[Step] = []
    names, shapes = list(plan.source.key), transforms.shapes(plan.source.columns, plan.steps, f"table {plan.name}") if plan.steps else ()
    columns = [c.name for c in plan.source.columns]
    for (name, args), after in zip(plan.steps, shapes, strict=True):
        transform = transforms.of(name)
        renamed = transform.renames(args)
        touched = set(transform.touches(args, columns)) & set(names)
        if set(transform.drops(args, columns)) & set(names) or (touched and not transform.same_for_same):
            return None
        if touched or set(renamed) & set(names):
            if not isinstance(args, Mapping):
                return None
            found.append((name, {column: value for column, value in args.items() if column in names}))
        names = [renamed.get(n, n) for n in names]
        columns = [c.name for c in after]
    return tuple(found) if set(names) == set(plan.target.key) else None


def names(plan: TablePlan) -> tuple[str, ...]:
    """The key's columns at the target, in the order of those at the source."""
    found = list(plan.source.key)
    for name, args in plan.steps:
        renamed = transforms.of(name).renames(args)
        found = [renamed.get(n, n) for n in found]
    return tuple(found)
