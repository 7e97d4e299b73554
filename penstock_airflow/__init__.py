"""What an Airflow finds of Penstock once the package is installed: the connection types `mysql`, `postgres`, `sqlite` and `duckdb`."""
