"""What the steps need beside the rows: secrets, such as the key that `mask` hashes with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from penstock import transforms
from penstock.errors import Problem
from penstock.migration.spec import Migration
from penstock.model.plan import TablePlan
from penstock.state.protection import SECRETS


def problems(migration: Migration, plans: Sequence[TablePlan], secrets: Mapping[str, str]) -> Iterator[Problem]:
    """Kinds of steps without the secret that they need, each at the first table that has it."""
    seen: set[str] = set()
    for plan in plans:
        for name, _ in plan.steps:
            secret = transforms.of(name).secret
            if secret and not secrets.get(secret) and name not in seen:
                where = f"{migration.path}: tables.{plan.name}.transform"
                yield Problem(True, where, f"the step `{name}` needs a key, and none is set", _fix(secret), "settings")
            seen.add(name)


def _fix(secret: str) -> str:
    variable = f"PENSTOCK_{secret.upper()}"
    return (
        f'in Airflow: `airflow connections add {SECRETS[secret]} --conn-type generic --conn-password "$(openssl rand -hex 32)"`;'
        f" on the command line: `export {variable}=$(openssl rand -hex 32)`; keep that key: another one masks equal values differently"
    )
