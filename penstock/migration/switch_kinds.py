"""The names that `how` can have in a migration file: the modules of penstock/stages/switch/kinds, and what other distributions add to them.

Only the names are looked up here. No module is imported, because DAG files read migrations whenever Airflow parses them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from penstock.runtime.nearest import nearest
from penstock.runtime.registry import Registry

REGISTRY = Registry("penstock.stages.switch.kinds", [str(Path(__file__).parents[1] / "stages" / "switch" / "kinds")])
OF_PARTITIONS = {"rows": "replace_rows", "attach": "attach_partition"}
"""Short names that `partition.how` accepts."""


def known(name: Any) -> str:
    """`name`, which is that of a switch kind. Raises ValueError when there is none of that name."""
    if not isinstance(name, str) or not (name in REGISTRY.own or name in REGISTRY.added):
        raise ValueError(f"no switch kind called {name!r} — {nearest(str(name), REGISTRY.names)}")
    return name


def of_partition(name: Any) -> str:
    """The same, by its short name or in full."""
    if isinstance(name, str) and name in OF_PARTITIONS:
        return OF_PARTITIONS[name]
    try:
        return known(name)
    except ValueError:
        choices = (*OF_PARTITIONS, *REGISTRY.names)
        raise ValueError(f"no switch kind called {name!r} — {nearest(str(name), choices)}") from None
