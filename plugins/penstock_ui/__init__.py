"""Penstock's pages inside the Airflow UI: routes, rights, and what is asked of Airflow's own tables. The pages are made in penstock.pages."""
