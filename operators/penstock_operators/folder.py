"""Every migration file of a folder as Airflow DAGs. A DAG file needs three lines:

    # Airflow DAGs of the migrations in this folder.
    from penstock_operators.folder import dags
    globals().update(dags("/opt/airflow/migrations"))

A migration gives three DAGs: one that runs it, one that undoes its last switch, and one that repairs the live tables. A file that can't be
read does not stop the others: it becomes a DAG `<file>__broken` that shows what is wrong, and whose only task fails with it.
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


def dags(folder: Path | str) -> dict[str, DAG]:
    """The DAGs of all migration files of a folder, by names for the globals of a DAG file.

    A worker that runs a task asks for one DAG. Then only the file of that DAG is read: with 500 files, reading the others would cost each
    task seconds.
    """
    found: dict[str, DAG] = {}
    asked = get_parsing_context().dag_id
    for file in files(Path(folder)):
        if _may_hold(file, asked):
            found |= {dag.dag_id: dag for dag in _dags_of(file, found)}
    # Airflow takes DAGs from the names of a module. The prefix keeps a migration from replacing another name of the DAG file.
    return {f"dag_{dag_id}": dag for dag_id, dag in found.items()}


def _dags_of(file: Path, taken: dict[str, DAG]) -> list[DAG]:
    """The DAGs of a migration file; the broken one when the file can't be read or its name is taken."""
    try:
        migration = declared(str(file))
        if (name := migration.name) in taken:
            raise MigrationError(f"another migration is called {name} too", where=str(file), fix="give one of them another name")
        return [migration_dag(migration), undo_dag(migration), repair_dag(migration)]
    except Exception as fault:  # whatever is wrong with one file, the others are parsed
        return [broken_dag(file.stem, fault)]


def _may_hold(file: Path, dag_id: str | None) -> bool:
    """Whether the DAG that Airflow asks for may be of this file; None asks for all."""
    if dag_id is None or dag_id.endswith("__broken"):
        return True
    named = re.search(r"""^["']?name["']?\s*:\s*["']?([\w-]+)""", file.read_text(encoding="utf-8", errors="replace"), re.MULTILINE)
    return named is None or named[1] == dag_id.removesuffix("__undo").removesuffix("__repair")
