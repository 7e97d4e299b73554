"""What the target can have of what keys are beside their columns: when they are checked, what they match, which rows they hold for.

Each function gives what arrives, None where nothing does, and what does not arrive, a line each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from penstock.model.schema import Check, ForeignKey, Index, PrimaryKey
from penstock.planning.ends import Ends

_NOT_VALID = "it is NOT VALID at the source, so rows may break it"
_NOT_ENFORCED = "it is NOT ENFORCED at the source, so rows may break it"


def foreign_key(key: ForeignKey, names: Mapping[str, str], ends: Ends) -> tuple[ForeignKey | None, list[str]]:
    """A foreign key whose columns are already those at the target. names: source column to target column."""
    what = f"foreign key {key.name}"
    for lost, why in ((not key.enforced and not ends.has("not enforced"), _NOT_ENFORCED), (not key.valid and not ends.alike, _NOT_VALID)):
        if lost:
            return None, [f"{what} is not carried: {why}"]
    if key.period and not ends.has("without overlaps"):
        return None, [f"{what} is not carried: its last column is a PERIOD, and {ends.lacks('without overlaps')}"]
    lines = []
    if key.match and "match full" not in ends.features:
        lines.append(f"{what} is MATCH {key.match} at the source; here a row with a NULL in one of its columns refers to nothing")
        key = replace(key, match="")
    if key.deferrable and "deferrable" not in ends.features:
        lines.append(f"{what} is deferrable at the source; here each statement has to meet it: {ends.lacks('deferrable')} that is")
        key = replace(key, deferrable="")
    if key.set_columns:
        kept = tuple(names[c] for c in key.set_columns if c in names)
        if ends.has("set columns") and len(kept) == len(key.set_columns):
            key = replace(key, set_columns=kept)
        else:
            columns = ", ".join(key.set_columns)
            lines.append(
                f"ON DELETE {key.on_delete} ({columns}) of {what} is not carried: {ends.to.label} would set all columns of the key"
            )
            key = replace(key, set_columns=(), on_delete="")
    return (key if ends.alike else replace(key, valid=True, enforced=True)), lines


def primary_key(key: PrimaryKey, names: Mapping[str, str], ends: Ends) -> tuple[PrimaryKey, list[str]]:
    """What a primary key is beside its columns."""
    if ends.alike:
        lines, include = _included("primary key", key.include, names)
        if key.overlaps or ends.has("without overlaps"):
            return replace(key, include=include), lines
        return replace(key, include=include, overlaps=True), [*lines, _overlaps("primary key", ends)]
    lines = []
    if key.deferrable:
        lines.append("primary key is deferrable at the source; here each row has to meet it at once")
    if key.include:
        lines.append(f"primary key is made without the columns that its index only holds: {', '.join(key.include)}")
    if not key.overlaps:
        lines.append(_overlaps("primary key", ends))
    if any(order.startswith("(") for order in key.orders):
        lines.append("primary key is of whole values here; at the source it is of their first characters")
    return PrimaryKey(), lines


def index(index: Index, names: Mapping[str, str], ends: Ends) -> tuple[Index, list[str]]:
    """What an index is beside its columns, its predicate and its method."""
    what = f"{'unique ' if index.unique else ''}{'constraint' if index.constraint and index.unique else 'index'} {index.name}"
    lines = []
    if index.nulls_not_distinct and not ends.has("nulls not distinct"):
        lines.append(
            f"{what} takes two NULLs for equal at the source; here they are different: {ends.lacks('nulls not distinct')} that does"
        )
        index = replace(index, nulls_not_distinct=False)
    if index.deferrable and not ends.alike:
        lines.append(f"{what} is deferrable at the source; here each row has to meet it at once")
        index = replace(index, deferrable="")
    if not index.overlaps and not ends.has("without overlaps"):
        lines.append(_overlaps(what, ends))
        index = replace(index, overlaps=True, method="")
    if not index.visible and not ends.has("invisible index"):
        lines.append(f"{what} is invisible at the source; here it is used: {ends.lacks('invisible index')} that is invisible")
        index = replace(index, visible=True)
    if index.options and not ends.alike:
        lines.append(f"{what} is made without {', '.join(index.options)}")
        index = replace(index, options=())
    return index, lines


def check(check: Check, ends: Ends) -> tuple[Check | None, str]:
    """A check, and why it does not arrive."""
    if not check.enforced and not ends.has("not enforced"):
        return None, _NOT_ENFORCED
    if not check.valid and not ends.alike:
        return None, _NOT_VALID
    return (check if ends.alike else replace(check, valid=True, enforced=True, inherited=True, column="")), ""


def _included(what: str, include: tuple[str, ...], names: Mapping[str, str]) -> tuple[list[str], tuple[str, ...]]:
    missing = [c for c in include if c not in names]
    lines = [f"{what} is made without {', '.join(missing)}, which its index only holds"] if missing else []
    return lines, tuple(names[c] for c in include if c in names)


def _overlaps(what: str, ends: Ends) -> str:
    return (
        f"{what} is WITHOUT OVERLAPS at the source; here ranges may overlap, only equal ones are refused: {ends.lacks('without overlaps')}"
    )
