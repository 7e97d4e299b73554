"""What the steps need beside the rows: the key that `mask` hashes with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from penstock.errors import Problem
from penstock.migration.spec import Migration
from penstock.model.plan import TablePlan

_FIX = (
    'in Airflow: `airflow connections add penstock_mask --conn-type generic --conn-password "$(openssl rand -hex 32)"`;'
    " on the command line: `export PENSTOCK_MASK_KEY=$(openssl rand -hex 32)`; keep that key: another one masks equal values differently"
)


def problems(migration: Migration, plans: Sequence[TablePlan], secrets: Mapping[str, str]) -> list[Problem]:
    """A `mask` step without a key to hash with."""
    masked = [p.name for p in plans if any(name == "mask" for name, _ in p.steps)]
    if not masked or secrets.get("mask_key"):
        return []
    where = f"{migration.path}: tables.{masked[0]}.transform"
    return [Problem(True, where, "the step `mask` needs a key, and none is set", _FIX, "settings")]
