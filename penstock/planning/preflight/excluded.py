"""How a table is left out of a migration, ready to paste."""

from __future__ import annotations

import re

from penstock.runtime.formatting import yaml


def pattern(table: str) -> str:
    """The pattern that only this table matches."""
    return re.sub(r"([*?[])", r"[\1]", table)


def fix(table: str) -> str:
    """What to write to leave the table out."""
    return f"leave the table out: tables: {{exclude: [{yaml(pattern(table))}]}}"
