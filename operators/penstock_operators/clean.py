"""Clean: remove what the runs of all migrations left in staging and at their targets, once the time to keep it is over."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException

from penstock_operators.connections import url
from penstock_operators.runs import declared, staging_root

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.sdk import Context


class CleanOperator(BaseOperator):
    """Clean up after every migration file in a `folder`, one after the other, as `penstock clean` does.

    staging_root: URL of the staging area, "" for the one that each migration names.  dry_run: as the run's param of that name.
    A migration that can't be cleaned does not stop the others: the task fails at the end and names it.
    """

    template_fields: Sequence[str] = ("folder", "staging_root")

    def __init__(self, *, folder: str, staging_root: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.folder = folder
        self.staging_root = staging_root

    def execute(self, context: Context) -> dict[str, Any]:
        """As `cleaned`."""
        from penstock.runtime import process

        process.tune()
        return self.cleaned(context)

    def cleaned(self, context: Mapping[str, Any]) -> dict[str, Any]:
        """Clean up, and answer by migration how many runs, files, bytes and statements there were. Raises AirflowException at the end."""
        from penstock.migration.overlay import files

        done: dict[str, Any] = {}
        failed: list[str] = []
        for file in files(Path(self.folder)):
            try:
                name, figures = self._clean(file, bool(context["params"].get("dry_run")))
                done[name] = figures
            except Exception as fault:  # whatever is wrong with one, the others are cleaned
                self.log.error("%s was not cleaned: %s", file.name, fault)
                failed.append(file.name)
        if failed:
            raise AirflowException(f"not cleaned: {', '.join(failed)}; the reasons are in the log above, the others are cleaned")
        return done

    def _clean(self, file: Path, dry_run: bool) -> tuple[str, dict[str, int]]:
        from penstock.stages.switch import clean

        migration = declared(str(file))
        found = clean.clean(migration, staging_root(migration, self.staging_root), url(migration.target), dry_run)
        *lines, total = clean.told(migration.name, found, dry_run)
        for line in lines:
            self.log.info("%s: %s", migration.name, line)
        self.log.info(total)
        figures = {"runs": len(found.runs), "files": sum(r.files for r in found.runs), "bytes": sum(r.bytes for r in found.runs)}
        return migration.name, figures | {"statements": len(found.statements)}
