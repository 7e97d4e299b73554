"""What the tests share: private servers, and a small shop whose data is unkind by default."""

pytest_plugins = ["tests.airflow_home", "tests.postgresql_server", "tests.mariadb_server", "tests.shop", "tests.airflow_home"]
