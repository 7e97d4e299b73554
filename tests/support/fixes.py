"""A fix as a reader follows it: the first choice that a message offers, pasted into the migration file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

from penstock.errors import Problem

Declared = dict[str, Any]
"""What a migration file says of its tables, by name; and in `exclude`, which it leaves out."""
_STEPS = ("cast", "fill", "drop", "derive", "map", "filter", "rename")


def snippets(fix: str) -> list[dict[str, Any]]:
    """What the first choice of a fix says to write: each text between backticks that is a mapping of YAML."""
    chosen = re.split(r"; |, or (?=`)", fix)[0]
    found = (yaml.safe_load(text) for text in re.findall(r"`([^`]*: [^`]*)`", chosen))
    return [text for text in found if isinstance(text, dict)]


def pasted(tables: Declared, table: str, fix: str) -> Declared:
    """The tables with the fix of a problem of one of them.

    A step goes before the others, in the place of one of the same column; a `rename` goes last. Lines under the fix are lines of `tables`.
    """
    if ":\n" in fix:
        return tables | yaml.safe_load(fix.partition(":\n")[2])
    if left_out := re.match(r"leave the table out: tables: (\{[^;]*\})", fix):
        return tables | yaml.safe_load(left_out[1])
    written = snippets(fix)
    assert written, f"nothing to paste in: {fix}"
    spec = dict(tables.get(table, {}))
    new = [s for s in written if next(iter(s)) in _STEPS]
    columns = {c for s in new for name, named in s.items() if name != "rename" and isinstance(named, Mapping) for c in named}
    old = [s for s in spec.get("transform", []) if "rename" in s or not any(isinstance(a, Mapping) and columns & {*a} for a in s.values())]
    if new:
        spec["transform"] = sorted([*new, *old], key=lambda step: "rename" in step)
    for each in written:
        if next(iter(each)) not in _STEPS:
            spec |= each
    return {**tables, table: spec}


def table_of(problem: Problem) -> str:
    """The table that a problem is about."""
    found = re.match(r"table ([^,]+)", problem.where)
    assert found, problem
    return found[1]
