"""Penstock moves databases, gated and proved. This is the engine; it never imports Airflow."""
