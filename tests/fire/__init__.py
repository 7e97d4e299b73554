"""An attack on what Penstock promises, as a program: `python -m tests.fire`. One file a part; attack.py and place.py are shared."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.fire.attack import Attack

PARTS = ("stale", "kills", "faults", "readers", "lost", "disk", "planted", "schemas")
"""The parts, in the order in which they are run."""


def part(name: str) -> Attack:
    """The part called so."""
    found: Attack = import_module(f"tests.fire.{name}").ATTACK
    return found
