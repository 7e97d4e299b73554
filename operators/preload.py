"""Imports that cost each task a second or two, done beforehand in a process that tasks are forked from."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

import operators
import penstock
from penstock import databases, gx, preflight, stages, switches, transforms

_LATE = ("duckdb_sqlalchemy", "airflow.dag_processing.bundles.local", "airflow.sdk.execution_time.cache", "jinja2.ext")
"""What is imported by its name when it is first used."""


def preload() -> None:
    """Import the operators, the engine, drivers where they are installed, and Great Expectations. Opens nothing, reads no DAG."""
    gx.load()
    packages = (operators, penstock, databases, preflight, stages, switches, transforms)
    for name in [m.name for p in packages for m in iter_modules(p.__path__, f"{p.__name__}.")] + [*_LATE]:
        try:
            import_module(name)
        except ImportError:  # a driver that is not installed: a task that needs it will say so
            continue
