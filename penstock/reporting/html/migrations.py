"""All migrations on one page, one line each. Those that wait for an approval are first."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence

from penstock.reporting.html.addresses import Addresses
from penstock.reporting.html.environment import render
from penstock.reporting.html.history import trend
from penstock.reporting.html.listing import Migration


def page(migrations: Sequence[Migration], to: Addresses, now: dt.datetime) -> str:
    """The page. now: for times such as `3 h ago`."""
    lines = sorted(migrations, key=lambda m: (m.urgency, m.dag_id))
    counts: Counter[str] = Counter()
    for migration in lines:
        counts.update(migration.states)
    trends = {m.dag_id: trend(m.runs) for m in lines}
    return render("migrations.html.j2", to=to, trail=[], migrations=lines, counts=counts, trends=trends, now=now)
