"""The two databases of a run."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa


@dataclass(frozen=True)
class Endpoints:
    """The URLs of the source and of the target."""

    source: sa.URL
    target: sa.URL
