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
from penstock_operators.runs import declared, repair_dag_id, undo_dag_id


def dags(folder: Path | str) -> dict[str, DAG]:
    """The DAGs of all migration files of a folder, by names for the globals of a DAG file.

    A worker that runs a task asks for one DAG. Then only its file is read, and only that DAG is made: with 500 files, the others
    would cost each task seconds.
    """
    found: dict[str, DAG] = {}
    taken: set[str] = set()
    asked = get_parsing_context().dag_id
    for file in files(Path(folder)):
        if _may_hold(file, asked):
            found |= {dag.dag_id: dag for dag in _dags_of(file, taken, asked)}
    # Airflow takes DAGs from the names of a module. The prefix keeps a migration from replacing another name of the DAG file.
    return {f"dag_{dag_id}": dag for dag_id, dag in found.items()}


def _dags_of(file: Path, taken: set[str], asked: str | None) -> list[DAG]:
    """The DAGs of a migration file, or the one of them that is asked for; the broken one when the file can't be read or its name is taken.

    taken: the ids of the DAGs of the files before, made or not; those of this file are added.
    """
    try:
        migration = declared(str(file))
        if (name := migration.name) in taken:
            raise MigrationError(f"another migration is called {name} too", where=str(file), fix="give one of them another name")
        makers = {name: migration_dag, undo_dag_id(migration): undo_dag, repair_dag_id(migration): repair_dag}
        made = [make(migration) for dag_id, make in makers.items() if asked not in makers or dag_id == asked]
    except Exception as fault:  # whatever is wrong with one file, the others are parsed
        return [broken_dag(file.stem, fault)]
    taken |= set(makers)
    return made


def _may_hold(file: Path, dag_id: str | None) -> bool:
    """Whether the DAG that Airflow asks for may be of this file; None asks for all."""
    if dag_id is None or dag_id.endswith("__broken"):
        return True
    named = re.search(r"""^["']?name["']?\s*:\s*["']?([\w-]+)""", file.read_text(encoding="utf-8", errors="replace"), re.MULTILINE)
    return named is None or named[1] == dag_id.removesuffix("__undo").removesuffix("__repair")
