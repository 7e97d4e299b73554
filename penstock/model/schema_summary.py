"""How many objects of the source's schema a run carries, adapts and loses, and each difference."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from penstock.model.plan import TablePlan
from penstock.model.schema_difference import ObjectCount, SchemaDifference, counts
from penstock.model.schema_facts import View, facts


@dataclass(frozen=True)
class SchemaSummary:
    """counts: by kind of object.  differences: of all tables, in their order."""

    counts: tuple[ObjectCount, ...]
    differences: tuple[SchemaDifference, ...]


def summary(plans: Iterable[TablePlan]) -> SchemaSummary:
    """Of the source tables of these plans."""
    plans = tuple(plans)
    objects = [(p.name, kind, name) for p in plans for kind, name in facts(p.source, View())]
    differences = tuple(d for p in plans for d in p.differences)
    return SchemaSummary(counts(objects, differences), differences)
