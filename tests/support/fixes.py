"""A fix as a reader follows it: the first choice that a message offers, pasted into the migration file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

from penstock.errors import Problem

Declared = dict[str, dict[str, Any]]
"""The tables of a migration file, by name."""
_STEPS = ("cast", "fill", "drop", "derive", "map", "filter")


def snippets(fix: str) -> list[dict[str, Any]]:
    """What the first choice of a fix says to write: each text between backticks that is a mapping of YAML."""
    chosen = re.split(r"; |, or (?=`)", fix)[0]
    found = (yaml.safe_load(text) for text in re.findall(r"`([^`]*: [^`]*)`", chosen))
    return [text for text in found if isinstance(text, dict)]


def pasted(tables: Declared, table: str, fix: str) -> Declared:
    """The tables with the fix of a problem of one of them. A step goes before the others, in the place of one of the same column."""
    written = snippets(fix)
    assert written, f"nothing to paste in: {fix}"
    spec = dict(tables.get(table, {}))
    new = [s for s in written if next(iter(s)) in _STEPS]
    columns = {c for s in new for arguments in s.values() if isinstance(arguments, Mapping) for c in arguments}
    old = [s for s in spec.get("transform", []) if not any(isinstance(a, Mapping) and columns & {*a} for a in s.values())]
    if new:
        spec["transform"] = [*new, *old]
    for each in written:
        if next(iter(each)) not in _STEPS:
            spec |= each
    return {**tables, table: spec}


def table_of(problem: Problem) -> str:
    """The table that a problem is about."""
    found = re.match(r"table ([^,]+)", problem.where)
    assert found, problem
    return found[1]
