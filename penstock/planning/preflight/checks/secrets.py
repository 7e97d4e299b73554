"""Steps that need a secret which is not configured, such as the key that `mask` hashes with."""

from __future__ import annotations

from collections.abc import Iterator

from penstock import transforms
from penstock.errors import Problem
from penstock.planning.preflight.context import Context
from penstock.state.protection import SECRETS

phase = "rows"  # a table that was loaded once, and is not moved again, needs no key: which those are is known by now
order = 10


def check(context: Context) -> Iterator[Problem]:
    """Each kind of step without its secret, at the first table that has it."""
    secrets = context.request.secrets
    if secrets is None:
        return
    seen: set[str] = set()
    for plan in context.run_plans:
        for name, _ in plan.steps:
            secret = transforms.of(name).secret
            if secret and not secrets.get(secret) and name not in seen:
                where = f"{context.migration.path}: tables.{plan.name}.transform"
                yield Problem(True, where, f"the step `{name}` needs a key, and none is set", _fix(secret), "settings")
            seen.add(name)


def _fix(secret: str) -> str:
    variable = f"PENSTOCK_{secret.upper()}"
    return (
        f'in Airflow: `airflow connections add {SECRETS[secret]} --conn-type generic --conn-password "$(openssl rand -hex 32)"`;'
        f" on the command line: `export {variable}=$(openssl rand -hex 32)`; keep that key: another one masks equal values differently"
    )
