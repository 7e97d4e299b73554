"""What the tests share: private servers, and a small shop whose data is unkind by default."""

from __future__ import annotations

pytest_plugins = [
    "tests.postgresql_server",
    "tests.mariadb_server",
    "tests.shop",
    "tests.airflow_home",
    "tests.real_airflow",
    "tests.browser",
]
