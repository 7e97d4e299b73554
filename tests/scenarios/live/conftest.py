"""What the tests of live migrations share."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.support.live import Live, opened

_numbers = count(1)


@pytest.fixture
def shop(postgresql_server: sa.URL, tmp_path: Path) -> Iterator[Live]:
    """An empty source and an empty target."""
    yield from opened(tmp_path, postgresql_server, f"live_{next(_numbers)}")
