"""All migrations on one page, a line each: what waits for a person first."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence

from penstock.reporting import html
from penstock.reporting.html.addresses import Addresses
from penstock.reporting.html.history import spark
from penstock.reporting.html.listing import Migration


def page(migrations: Sequence[Migration], to: Addresses, now: dt.datetime) -> str:
    """The page. now: what `3 h ago` is counted from."""
    lines = sorted(migrations, key=lambda m: (m.urgency, m.dag_id))
    counts: Counter[str] = Counter()
    for migration in lines:
        counts.update(migration.states)
    sparks = {m.dag_id: spark(m.runs) for m in lines}
    return html.render("migrations.html.j2", to=to, trail=[], migrations=lines, counts=counts, sparks=sparks, now=now)
