"""What the tests share: private servers, and a small shop whose data is unkind by default."""

from __future__ import annotations

import pytest

pytest_plugins = [
    "tests.postgresql_server",
    "tests.mariadb_server",
    "tests.shop",
    "tests.airflow_home",
    "tests.real_airflow",
    "tests.browser",
]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each file is one worker's, and so are all files of one group: those that need a real Airflow start it once."""
    for item in items:
        if not any(item.iter_markers("xdist_group")):
            item.add_marker(pytest.mark.xdist_group(item.path.name))
