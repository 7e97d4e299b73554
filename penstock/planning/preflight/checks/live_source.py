"""What the source of a live migration lacks, so that its changes can't be followed: settings, rights, keys of tables."""

from __future__ import annotations

from collections.abc import Iterable

from penstock.databases.change_log import Followed
from penstock.errors import Problem
from penstock.model.plan import token
from penstock.planning.preflight.context import Context

order = 35


def check(context: Context) -> Iterable[Problem]:
    """What the source itself says: see `ChangeLog.problems`."""
    log = context.source.database.change_log
    if not context.migration.live or log is None:
        return ()
    names = log.names(context.migration.name, token(context.migration.name, context.request.run))
    return log.problems(context.source.connection, names, [Followed.of(plan) for plan in context.plans])
