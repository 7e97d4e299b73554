"""Imports that cost each task a second or two, done beforehand in a process that tasks are forked from."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pkgutil import walk_packages

import penstock
import penstock_operators
from penstock.stages.validate import gx

_LATE = ("duckdb_sqlalchemy", "airflow.dag_processing.bundles.local", "airflow.sdk.execution_time.cache", "jinja2.ext")
"""What is imported by its name when it is first used."""


def preload() -> None:
    """Import the operators, the engine, drivers where they are installed, and Great Expectations. Opens nothing, reads no DAG."""
    gx.load()
    for name in [*_modules(), *_LATE]:
        try:
            import_module(name)
        except ImportError:  # a driver that is not installed: a task that needs it will say so
            continue


def _modules() -> Iterator[str]:
    for package in (penstock_operators, penstock):
        for module in walk_packages(package.__path__, f"{package.__name__}.", onerror=lambda _: None):
            if not module.name.endswith(".__main__"):
                yield module.name
