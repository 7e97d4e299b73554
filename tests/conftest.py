"""What the tests share: private servers, and a small shop whose data is unkind by default."""

from __future__ import annotations

pytest_plugins = [
    "tests.support.servers.postgresql",
    "tests.support.servers.mariadb",
    "tests.support.data.shop",
    "tests.support.servers.airflow",
    "tests.support.servers.real_airflow",
    "tests.support.servers.browser",
]
