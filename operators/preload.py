"""Imports that cost each task a second or two, done beforehand in a process that tasks are forked from."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

import penstock
from penstock import databases, gx, preflight, stages, switches, transforms


def preload() -> None:
    """Import the engine, its databases' drivers where they are installed, and Great Expectations. Opens nothing and starts no thread."""
    gx.load()
    for package in (penstock, databases, preflight, stages, switches, transforms):
        for module in iter_modules(package.__path__, f"{package.__name__}."):
            try:
                import_module(module.name)
            except ImportError:  # a driver that is not installed: a task that needs it will say so
                continue
