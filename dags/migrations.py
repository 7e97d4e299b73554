"""Every file in dags/migrations/ as an Airflow DAG, a second one that undoes its last switch, and a third that repairs what is live.

A file that can't be read must not take the others down, and must not vanish: it becomes a DAG `<file>__broken` whose
page is the fault, and whose only task fails with it. A worker that is about to run a task wants one DAG, and only that
one's file is read then: with 500 files the others would cost each task seconds.
"""

from __future__ import annotations

import re
from pathlib import Path

from airflow.sdk import DAG, get_parsing_context

from penstock.errors import MigrationError
from penstock.migration.overlay import files
from penstock_operators.broken import broken_dag
from penstock_operators.migration_dag import migration_dag, repair_dag, undo_dag
from penstock_operators.runs import declared

FOLDER = Path(__file__).parent / "migrations"


def dags_of(file: Path, taken: dict[str, DAG]) -> list[DAG]:
    """A migration file's DAGs; the broken one when it can't be read or its name is taken."""
    try:
        migration = declared(str(file))
        if (name := migration.name) in taken:
            raise MigrationError(f"another migration is called {name} too", where=str(file), fix="give one of them another name")
        return [migration_dag(migration), undo_dag(migration), repair_dag(migration)]
    except Exception as fault:  # whatever is wrong with one file, the others are parsed
        return [broken_dag(file.stem, fault)]


def wanted(file: Path, dag_id: str | None) -> bool:
    """Whether a file may be where the DAG comes from that Airflow asks for; None asks for all."""
    if dag_id is None or dag_id.endswith("__broken"):
        return True
    named = re.search(r"""^["']?name["']?\s*:\s*["']?([\w-]+)""", file.read_text(encoding="utf-8", errors="replace"), re.MULTILINE)
    return named is None or named[1] == dag_id.removesuffix("__undo").removesuffix("__repair")


DAGS: dict[str, DAG] = {}
asked = get_parsing_context().dag_id
for path in files(FOLDER):
    if wanted(path, asked):
        DAGS |= {dag.dag_id: dag for dag in dags_of(path, DAGS)}
# Airflow finds the DAGs among the module's names; the prefix keeps a migration from replacing one of ours.
globals().update({f"dag_{dag_id}": dag for dag_id, dag in DAGS.items()})
