"""The Airflow DAGs of every migration file in dags/migrations/."""

from pathlib import Path

from penstock_operators.folder import dags

globals().update(dags(Path(__file__).parent / "migrations"))
