"""What the tests share: private servers, and a small shop whose data is unkind by default."""

from __future__ import annotations

from typing import Any

import pytest

REAL_AIRFLOW = "tests/airflow/real/"

pytest_plugins = [
    "tests.support.servers.postgresql",
    "tests.support.servers.mariadb",
    "tests.support.servers.newest",
    "tests.support.late_faults",
    "tests.support.data.shop",
    "tests.support.servers.airflow",
    "tests.support.servers.real_airflow",
    "tests.support.servers.browser",
]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """A file of tests is run by one process, so that its fixtures are made once; so are all files that share the real Airflow."""
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return REAL_AIRFLOW if nodeid.startswith(REAL_AIRFLOW) else nodeid.partition("::")[0]

    return Scheduling(config, log)
