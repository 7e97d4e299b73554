"""A migration file as a DAG: every stage a task, every gate with an edge of its own to the switch."""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, AssetAlias, CronDataIntervalTimetable, Param, TriggerRule

from penstock.model import address
from penstock_operators import notify
from penstock_operators.deadline import deadline
from penstock_operators.extract import ExtractOperator
from penstock_operators.load import BuildOperator, LoadOperator, PrepareOperator
from penstock_operators.plan import PlanOperator
from penstock_operators.preflight import PreflightOperator
from penstock_operators.repair import RepairOperator
from penstock_operators.report import ReportOperator
from penstock_operators.runs import repair_dag_id, undo_dag_id
from penstock_operators.stage import StageOperator
from penstock_operators.switch import FinishOperator, SwitchOperator, VerifyOperator, asset
from penstock_operators.transform import TransformOperator
from penstock_operators.undo import UndoOperator
from penstock_operators.validate import ProveOperator, ValidateOperator

if TYPE_CHECKING:
    from penstock.migration.spec import Migration
    from penstock.model.pipeline import Stage

STAGING = "{{ var.value.get('penstock_staging', '') }}"
"""The Airflow Variable that says where all migrations stage; without it each one's own `staging` holds."""

_LABEL = "{{ task.group['label'] }}"
_OPERATORS: dict[str, Any] = {
    "preflight": PreflightOperator,
    "plan": PlanOperator,
    "extract": ExtractOperator,
    "gate_extracted": ValidateOperator,
    "transform": TransformOperator,
    "gate_transformed": ValidateOperator,
    "prepare": PrepareOperator,
    "load": LoadOperator,
    "build": BuildOperator,
    "gate_loaded": ValidateOperator,
    "prove": ProveOperator,
    "switch": SwitchOperator,
    "verify": VerifyOperator,
    "finish": FinishOperator,
}
"""The operators of stages that return a summary of their own, or need more than the run's context."""


def migration_dag(migration: Migration) -> DAG:
    """The DAG of a migration, called like it. Opens no connection."""
    with DAG(
        dag_id=migration.name,
        description=_masked(f"Migration from {migration.source} to {migration.target}"),
        schedule=CronDataIntervalTimetable(migration.schedule, timezone=migration.timezone) if migration.schedule else None,
        start_date=datetime.combine(migration.start_date, time.min, ZoneInfo(migration.timezone)) if migration.start_date else None,
        catchup=False,
        max_active_runs=migration.max_active_runs,
        deadline=deadline(migration),
        params=run_params(migration),
        default_args={"retries": 2, "retry_delay": timedelta(seconds=30), **_on_failure(migration)},
        # A schedule starts when a person unpauses the DAG, not when a file is copied into a folder. Without one nothing starts by itself.
        is_paused_upon_creation=migration.schedule is not None,
        # The pages read the time zone of a run's interval from the tag, before the run has written anything.
        tags=["penstock", "migration", *([f"intervals: {migration.timezone}"] if migration.partitioned else [])],
        doc_md=documentation(migration),
    ) as dag:
        _tasks(migration, {"migration": str(migration.path), "staging_root": STAGING})
    return dag


def undo_dag(migration: Migration) -> DAG:
    """The DAG that undoes a migration's last switch: `<name>__undo`, only ever run by hand."""
    run = Param(None, type=["null", "string"], title="Run", description="The run whose switch to undo; empty: the last one that switched.")
    with DAG(
        dag_id=undo_dag_id(migration),
        description=_masked(f"Undo the last switch in {migration.target}"),
        schedule=None,
        catchup=False,
        max_active_runs=1,
        params={"run": run},
        default_args=_on_failure(migration),
        is_paused_upon_creation=False,  # nothing starts it but a person, who should not have to find out why it waits
        tags=["penstock", "undo"],
        doc_md="Restores what was live before the last switch, in one atomic step. What that run made live is set aside, not dropped.",
    ) as dag:
        on_success = notify.undone if migration.notify else None
        UndoOperator(task_id="undo", migration=str(migration.path), staging_root=STAGING, on_success_callback=on_success)
    return dag


def repair_dag(migration: Migration) -> DAG:
    """The DAG that puts right what differs in a migration's live tables: `<name>__repair`, only ever run by hand."""
    given: dict[str, Any] = {"migration": str(migration.path), "staging_root": STAGING}
    run = Param(None, type=["null", "string"], title="Run", description="Repair what this run moved, and load what is in its quarantine.")
    with DAG(
        dag_id=repair_dag_id(migration),
        description=_masked(f"Put right what differs in {migration.target} from {migration.source}"),
        schedule=None,
        catchup=False,
        max_active_runs=1,
        params={"run": run} | _limits(migration, "all that is covered"),
        default_args={"retries": 2, "retry_delay": timedelta(seconds=30), **_on_failure(migration)},
        is_paused_upon_creation=False,
        tags=["penstock", "repair"],
        doc_md="Reads the source, and sends only the rows that differ from the live tables, proved and switched like any run.",
    ) as dag:
        repair = RepairOperator(task_id="repair", **({"pool": migration.pool} if migration.pool else {}), **given)
        _end(migration, given, [repair], [repair])
    return dag


def _on_failure(migration: Migration) -> dict[str, Any]:
    """The arguments of every task by which failures are notified; none where nobody wants to know."""
    return {"on_failure_callback": notify.failed} if migration.notify else {}


def run_params(migration: Migration) -> dict[str, Param]:
    """What a person decides when a run is started by hand."""
    return _limits(migration, "the run's own data interval") | {
        "chunk": Param(
            None,
            type=["null", "string"],
            pattern=r"^\s*\d+\s*(B|KiB|MiB|GiB|KB|MB|GB)?\s*$",
            title="Chunk size",
            description="Bytes of a chunk, such as 16MiB; empty: as the migration says.",
        ),
        "dry_run": Param(False, type="boolean", title="Dry run", description="Preflight and plan only: nothing moves."),
    }


def _limits(migration: Migration, otherwise: str) -> dict[str, Param]:
    """What of the migration, proved how, and how far. otherwise: the interval, when none is given."""
    choices: dict[str, Any] = {"examples": named} if (named := named_tables(migration)) else {}
    span: dict[str, Any] = {"type": ["null", "string"], "section": "Interval"}
    ends = {
        "from": Param(None, title="From", description=f"2013-01-01, or with a time; empty: {otherwise}.", **span),
        "to": Param(None, title="To", description="Where the interval ends; the end does not belong to it.", **span),
    }
    return (ends if migration.partitioned else {}) | {
        "tables": Param(
            [], type="array", items={"type": "string"}, title="Tables", description="Only these source tables; none chosen: all.", **choices
        ),
        "proof": Param(
            "staged",
            enum=["staged", "source"],
            title="Proof",
            description="staged: every row at the target is what was read. source: the source is read a second time, too.",
        ),
        "stop_before_switch": Param(
            False, type="boolean", title="Stop before the switch", description="Move, check and prove everything, and make nothing live."
        ),
    }


def named_tables(migration: Migration) -> list[str]:
    """The tables that the file names, not by a pattern."""
    named = [n for n in migration.tables.include if not set(n) & set("*?[")] + list(migration.tables.specs)
    return list(dict.fromkeys(named))


def documentation(migration: Migration) -> str:
    """The DAG's page: what it does and the file it was made from."""
    approval = " after a person approved," if migration.switch.approval else ""
    after = [
        f"and then,{approval} makes them live in one atomic step. `{migration.name}__undo` puts the old tables back,",
        f"`{migration.name}__repair` compares the live tables with the source and sends what differs.",
    ]
    if migration.live:
        after = [
            "and makes nothing live: `penstock follow` then applies the source's changes, and `penstock switch` makes the tables live."
        ]
    page = "\n".join(
        [
            f"Moves tables from **{migration.source}** to **{migration.target}** into shadow tables, past gates and a row-level proof,",
            *after,
            "",
            "Each run leaves a report: the tab *Migration report* of the run.",
            "",
            f"Made from `{Path(migration.path).name}`:",
            "",
            "```yaml",
            Path(migration.path).read_text(encoding="utf-8").replace("```", "` ` `").rstrip(),
            "```",
        ]
    )
    return _masked(page)


def _masked(text: str) -> str:
    """`text` without the secrets of URLs: a file for the command line may hold some, and this page is for all to see."""
    return re.sub(r"[\w+.-]+://[^\s'\"]+", lambda found: address.of_text(found[0]), text)


def _tasks(migration: Migration, of: dict[str, Any]) -> None:
    """A task for each stage up to the proof, in the order of the pipeline. `of`: which migration, what every operator is given."""
    from penstock.model import pipeline

    before, gates, mapped = list[Any](), list[Any](), list[Any]()
    for stage in pipeline.of(migration, (*pipeline.PLAN, *pipeline.MOVE)):
        if stage.task:
            continue
        if stage.fan_out:
            made = _operator(stage).partial(task_id=stage.name, map_index_template=_LABEL, **_given(stage, migration), **of)
            task = made.expand(group=before[-1].output)
            mapped.append(task)
        else:
            # A run that is limited to tables without transforms has none to map: the gate lets it pass, but never past a failed task.
            rule = {"trigger_rule": TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS} if len(before) > 1 else {}
            task = _operator(stage)(task_id=stage.name, **rule, **_given(stage, migration), **of)
        if before:
            before >> task
        if stage.gate:
            gates.append(task)
        before = [*before, task] if stage.fan_out and stage.conditional else [task]
    # Every gate has its own edge to the switch: no path leads around one.
    _end(migration, of, gates, mapped)


def _end(migration: Migration, of: dict[str, Any], gates: list[Any], mapped: list[Any]) -> None:
    """The stages that make the tables live, behind all of the `gates`, and the report, which waits for the `mapped` tasks too."""
    from penstock.model import pipeline

    before, made = gates, list[Any]()
    for stage in pipeline.of(migration, pipeline.SWITCH):
        task = _operator(stage)(task_id=stage.name, **_given(stage, migration), **of)
        before >> task
        if stage.gate:
            before = gates = [*gates, task]
        else:
            made.append(task)
            before = [task]
    report = ReportOperator(task_id="report", **of)
    # A failed part of a mapped task does not end the others: the report waits for them all.
    [*mapped, *(made[-1:] or gates)] >> report  # a live migration is switched by another command
    # The report succeeds in failed runs too, so the run's state depends on this one.
    [*made[1:], report] >> EmptyOperator(task_id="outcome", trigger_rule=TriggerRule.NONE_FAILED)


def _operator(stage: Stage) -> Any:
    """The operator of a stage: StageOperator, where it has none of its own."""
    if stage.name == "approve":  # imported only where it is needed: every parse would pay for it
        from penstock_operators.approve import ApproveOperator

        return ApproveOperator
    return _OPERATORS.get(stage.name, StageOperator)


def _given(stage: Stage, migration: Migration) -> dict[str, Any]:
    """What the operator of a stage is given, apart from the migration."""
    given: dict[str, Any] = {"pipeline_stage": stage.name} if _operator(stage) is StageOperator else {}
    if stage.reads_source and migration.pool:
        given["pool"] = migration.pool
    if _OPERATORS.get(stage.name) is ValidateOperator:
        given["stage"] = stage.given[0]
    if stage.name == "approve":
        given |= {"response_timeout": migration.switch.approve_within, "retries": 0}
    if stage.name == "switch":
        # As inlets the assets are known before the first event: of two runs that make one at the same moment Airflow fails one.
        given["inlets"] = [asset(migration.name, table) for table in named_tables(migration)]
        given |= {"outlets": [AssetAlias(migration.name)], "on_success_callback": notify.switched if migration.notify else None}
    return given
