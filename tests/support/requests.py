"""Requests of runs, and runs, of a migration between two databases."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from penstock.migration.spec import Migration
from penstock.model.endpoints import Endpoints
from penstock.planning.request import RunRequest
from penstock.run import Approve, run_migration
from penstock.state.run_context import RunContext


def request(
    migration: Migration,
    run: str,
    root: str,
    source: sa.URL,
    target: sa.URL,
    suites: Path,
    secrets: Mapping[str, str] | None = None,
    **more: Any,
) -> RunRequest:
    """A request. more: as the fields of RunRequest."""
    return RunRequest(migration, run, Endpoints(source, target), root, suites, secrets, **more)


def ran(*what: Any, approve: Approve | None = None, **more: Any) -> RunContext:
    """Run what `request` makes of the arguments."""
    return run_migration(request(*what, **more), approve)
