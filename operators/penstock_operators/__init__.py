"""Airflow operators, one file a stage: connections in, one engine call, a receipt out."""
