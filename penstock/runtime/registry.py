"""Folders as registries: each module of a package is found by its name, beside what other distributions add to it.

A module or sub-package whose name begins with an underscore is machinery and is not offered. Another distribution adds one by an entry
point (https://packaging.python.org/en/latest/specifications/entry-points/) in the group that is called as the package is:

    [project.entry-points."penstock.transforms"]
    reverse = "my_package.reverse"
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pkgutil import iter_modules
from types import ModuleType


@dataclass(frozen=True)
class Registry:
    """The modules of `package`, which lies in the folders `path`. packages: only its sub-packages are offered, not its files."""

    package: str
    path: Sequence[str]
    packages: bool = False

    @cached_property
    def own(self) -> frozenset[str]:
        """What lies in the folder."""
        found = (m for m in iter_modules(self.path) if m.ispkg or not self.packages)
        return frozenset(m.name for m in found if not m.name.startswith("_"))

    @cached_property
    def added(self) -> dict[str, EntryPoint]:
        """What other distributions add. A name of the folder can't be replaced."""
        return {e.name: e for e in entry_points(group=self.package) if e.name not in self.own}

    @property
    def names(self) -> tuple[str, ...]:
        """All names, sorted."""
        return tuple(sorted({*self.own, *self.added}))

    def load(self, name: str) -> ModuleType:
        """The module called `name`, imported on first use. Raises KeyError when there is none."""
        if name in self.own:
            return import_module(f"{self.package}.{name}")
        module = self.added[name].load()
        assert isinstance(module, ModuleType)
        return module

    def all(self) -> list[ModuleType]:
        """Every module, in the order of the names."""
        return [self.load(name) for name in self.names]
