"""Penstock's pages inside the Airflow UI: routes, rights, and questions to Airflow's own tables. penstock.pages makes the pages."""
