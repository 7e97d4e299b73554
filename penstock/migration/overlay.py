"""Overlays: what differs of a migration from one environment to another.

`shop.prod.yaml` beside `shop.yaml` says what is different in the environment `prod`, which the environment variable PENSTOCK_ENV (or
`penstock --env`) names. Mappings are merged, key by key; any other value replaces the one of the file.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import yaml

VARIABLE = "PENSTOCK_ENV"


def of(path: Path, environment: str | None) -> Path | None:
    """The overlay of a migration file in an environment (None: the one that PENSTOCK_ENV names), where there is one."""
    name = os.environ.get(VARIABLE, "") if environment is None else environment
    found = path.with_name(f"{path.stem}.{name}{path.suffix}")
    return found if name and found.is_file() else None


def base(path: Path) -> Path | None:
    """The file that `path` would be an overlay of, where there is one."""
    found = path.with_name(f"{path.stem.rpartition('.')[0]}{path.suffix}")
    return found if "." in path.stem and found.is_file() else None


def files(folder: Path) -> list[Path]:
    """The migration files of a folder, without their overlays, sorted."""
    found: Iterable[Path] = (*folder.glob("*.yaml"), *folder.glob("*.yml"))
    return sorted(path for path in found if base(path) is None)


def merged(below: yaml.MappingNode, above: yaml.MappingNode) -> yaml.MappingNode:
    """The document of a file under its overlay's."""
    entries = {(key.tag, str(key.value)): (key, value) for key, value in below.value}
    for key, value in above.value:
        name = (key.tag, str(key.value))
        old = entries[name][1] if name in entries else None
        if isinstance(old, yaml.MappingNode) and isinstance(value, yaml.MappingNode):
            value = merged(old, value)
        entries[name] = (key, value)
    return yaml.MappingNode(below.tag, list(entries.values()), below.start_mark, below.end_mark, below.flow_style)
