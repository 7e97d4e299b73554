"""Penstock's pages in the Airflow UI: routes, permissions, and queries of Airflow's tables. `penstock.reporting.html` makes the pages."""
