"""What every operator of a migration shares: the file, the staging area, and how faults reach Airflow.

The engine is imported when a task runs, never when a DAG is parsed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from penstock_operators import runs

if TYPE_CHECKING:
    from airflow.sdk import Context

    from penstock.planning.request import RunRequest
    from penstock.state.run_context import RunContext


class MigrationOperator(BaseOperator):
    """One stage of a migration.

    migration: path of the migration file.  staging_root: URL of the staging area, "" for the one the migration names.
    Subclasses say what they do in `work`. A fault that a retry can't help fails the task at once.
    """

    template_fields: Sequence[str] = ("migration", "staging_root")

    def __init__(self, *, migration: str, staging_root: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.migration = migration
        self.staging_root = staging_root

    def execute(self, context: Context) -> Any:
        """Run the stage and return what `work` returns."""
        from penstock.runtime import events, process

        process.tune()

        def log(name: str, facts: dict[str, Any]) -> None:
            if not name.endswith(".batch"):
                self.log.info("%s %s", name, " ".join(f"{k}={v}" for k, v in facts.items()))

        with airflow_faults(), events.subscribed(log):
            return self.work(context)

    def work(self, context: Context) -> Any:
        """The stage itself; what it returns becomes the task's XCom: numbers and names, never rows."""
        raise NotImplementedError

    def request(self, run: str) -> RunRequest:
        """What the run called `run` is asked to do, as far as the migration and Airflow's connections say."""
        return runs.request(runs.declared(self.migration), self.staging_root, run)

    def opened(self, context: Context) -> RunContext:
        """This run, as the plan task wrote it down. Raises SwitchRefused when it did not."""
        return self.request(runs.current_run(runs.declared(self.migration), self.staging_root, context)).reopened()


@contextmanager
def airflow_faults() -> Iterator[None]:
    """Penstock's faults as Airflow's: those that a retry can help are tried again, the others fail the task at once."""
    from penstock.errors import PenstockError
    from penstock.state import run_log

    try:
        yield
    except PenstockError as error:
        told = f"{error}\n  docs: {error.docs}"
        failed = AirflowException(told) if error.retryable else AirflowFailException(told)
        failed.fault = run_log.describe("", error)  # type: ignore[attr-defined]  # for notifications
        raise failed from None
