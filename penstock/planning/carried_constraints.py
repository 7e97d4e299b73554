"""What the target can have of what keys are beside their columns: when they are checked, what they match, which rows they hold for.

Each function gives what arrives, None where nothing does, and what does not arrive.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from penstock.model.schema import Check, ForeignKey, Index, PrimaryKey
from penstock.planning.ends import Ends


@dataclass(frozen=True)
class LostPart:
    """What a key or an index does not have at the target. property: empty where nothing arrives.  line: the sentence of its warning."""

    property: str
    source: str
    reason: str
    line: str


_NOT_VALID = "it is NOT VALID at the source, so rows may break it"
_NOT_ENFORCED = "it is NOT ENFORCED at the source, so rows may break it"


def foreign_key(key: ForeignKey, names: Mapping[str, str], ends: Ends) -> tuple[ForeignKey | None, list[LostPart]]:
    """A foreign key whose columns are already those at the target. names: source column to target column."""
    what = f"foreign key {key.name}"
    for lost, why in ((not key.enforced and not ends.has("not enforced"), _NOT_ENFORCED), (not key.valid and not ends.alike, _NOT_VALID)):
        if lost:
            return None, [LostPart("", "", why, f"{what} is not carried: {why}")]
    if key.period and not ends.has("without overlaps"):
        why = f"its last column is a PERIOD, and {ends.lacks('without overlaps')}"
        return None, [LostPart("", "", why, f"{what} is not carried: {why}")]
    lines = []
    if key.match and "match full" not in ends.features:
        line = f"{what} is MATCH {key.match} at the source; here a row with a NULL in one of its columns refers to nothing"
        lines.append(LostPart("match", key.match, ends.lacks("match full"), line))
        key = replace(key, match="")
    if key.deferrable and "deferrable" not in ends.features:
        why = f"{ends.lacks('deferrable')} that is"
        line = f"{what} is deferrable at the source; here each statement has to meet it: {why}"
        lines.append(LostPart("deferrable", key.deferrable, why, line))
        key = replace(key, deferrable="")
    if key.set_columns:
        kept = tuple(names[c] for c in key.set_columns if c in names)
        if ends.has("set columns") and len(kept) == len(key.set_columns):
            key = replace(key, set_columns=kept)
        else:
            columns = ", ".join(key.set_columns)
            why = f"{ends.to.label} would set all columns of the key"
            line = f"ON DELETE {key.on_delete} ({columns}) of {what} is not carried: {why}"
            lines += [LostPart("set columns", columns, why, line), LostPart("on delete", key.on_delete, why, line)]
            key = replace(key, set_columns=(), on_delete="")
    return (key if ends.alike else replace(key, valid=True, enforced=True)), lines


def primary_key(key: PrimaryKey, names: Mapping[str, str], ends: Ends) -> tuple[PrimaryKey, list[LostPart]]:
    """What a primary key is beside its columns."""
    if ends.alike:
        lines, include = _included("primary key", key.include, names)
        if key.overlaps or ends.has("without overlaps"):
            return replace(key, include=include), lines
        return replace(key, include=include, overlaps=True), [*lines, _overlaps("primary key", ends)]
    lines = []
    if key.deferrable:
        line = "primary key is deferrable at the source; here each row has to meet it at once"
        lines.append(LostPart("deferrable", key.deferrable, ends.lacks("deferrable"), line))
    if key.include:
        held = ", ".join(key.include)
        line = f"primary key is made without the columns that its index only holds: {held}"
        lines.append(LostPart("include", held, f"{ends.to.label} has none", line))
    if not key.overlaps:
        lines.append(_overlaps("primary key", ends))
    if any(order.startswith("(") for order in key.orders):
        line = "primary key is of whole values here; at the source it is of their first characters"
        lines.append(LostPart("orders", ", ".join(key.orders), f"{ends.to.label} has none", line))
    return PrimaryKey(), lines


def index(index: Index, names: Mapping[str, str], ends: Ends) -> tuple[Index, list[LostPart]]:
    """What an index is beside its columns, its predicate and its method."""
    what = f"{'unique ' if index.unique else ''}{'constraint' if index.constraint and index.unique else 'index'} {index.name}"
    lines = []
    if index.nulls_not_distinct and not ends.has("nulls not distinct"):
        why = f"{ends.lacks('nulls not distinct')} that does"
        line = f"{what} takes two NULLs for equal at the source; here they are different: {why}"
        lines.append(LostPart("nulls not distinct", "yes", why, line))
        index = replace(index, nulls_not_distinct=False)
    if index.deferrable and not ends.alike:
        line = f"{what} is deferrable at the source; here each row has to meet it at once"
        lines.append(LostPart("deferrable", index.deferrable, ends.lacks("deferrable"), line))
        index = replace(index, deferrable="")
    if not index.overlaps and not ends.has("without overlaps"):
        lost = _overlaps(what, ends)
        lines += [lost, replace(lost, property="method")]
        index = replace(index, overlaps=True, method="")
    if not index.visible and not ends.has("invisible index"):
        why = f"{ends.lacks('invisible index')} that is invisible"
        lines.append(LostPart("visible", "no", why, f"{what} is invisible at the source; here it is used: {why}"))
        index = replace(index, visible=True)
    if index.options and not ends.alike:
        options = ", ".join(index.options)
        lines.append(LostPart("options", options, f"{ends.to.label} has none that is the same", f"{what} is made without {options}"))
        index = replace(index, options=())
    return index, lines


def check(check: Check, ends: Ends) -> tuple[Check | None, str]:
    """A check, and why it does not arrive."""
    if not check.enforced and not ends.has("not enforced"):
        return None, _NOT_ENFORCED
    if not check.valid and not ends.alike:
        return None, _NOT_VALID
    return (check if ends.alike else replace(check, valid=True, enforced=True, inherited=True, column="")), ""


def _included(what: str, include: tuple[str, ...], names: Mapping[str, str]) -> tuple[list[LostPart], tuple[str, ...]]:
    missing = [c for c in include if c not in names]
    held = ", ".join(missing)
    line = f"{what} is made without {held}, which its index only holds"
    lines = [LostPart("include", held, "the column does not arrive as it was", line)] if missing else []
    return lines, tuple(names[c] for c in include if c in names)


def _overlaps(what: str, ends: Ends) -> LostPart:
    why = ends.lacks("without overlaps")
    line = f"{what} is WITHOUT OVERLAPS at the source; here ranges may overlap, only equal ones are refused: {why}"
    return LostPart("overlaps", "no", why, line)
