"""Which columns of a planned table hold values that nothing may show: in logs, reports, samples, staged files."""

from __future__ import annotations

from penstock.model.plan import TablePlan
from penstock.transforms._mapping import map_table, trace


def private_columns(table: TablePlan) -> frozenset[str]:
    """The source columns that are sensitive, or that a step masks or drops: none of their values may be seen after the run."""
    return frozenset(table.sensitive) | trace((c.name for c in table.source.columns), table.steps).concealed


def is_encrypted(table: TablePlan) -> bool:
    """Whether the table's staged rows are encrypted."""
    return bool(private_columns(table))


def hidden_columns(table: TablePlan, stage: str) -> frozenset[str]:
    """The columns at `stage` whose values nothing may show.

    As they were extracted: the private ones. Later: the sensitive ones, and whatever steps may have made of them.
    """
    if stage == "extracted":
        return private_columns(table)
    if not table.sensitive:
        return frozenset()
    untouched = map_table(table.source, table.target.columns, table.steps, table.target.name).untouched
    harmless = {new for old, new in untouched.items() if not {old, new} & set(table.sensitive)}
    return frozenset(c.name for c in table.target.columns if c.name not in harmless)


def secret_columns(table: TablePlan) -> frozenset[str]:
    """The columns whose values nothing may show, by their names at the source and at the target."""
    return hidden_columns(table, "extracted") | hidden_columns(table, "loaded")
