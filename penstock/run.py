"""A whole migration in one process: the stages of the pipeline in order, by the functions that Airflow's tasks call."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from importlib import import_module
from typing import Any

from penstock.errors import LeaseHeld, NoSpace, NotWritable, SwitchRefused
from penstock.model import pipeline
from penstock.model.pipeline import Stage
from penstock.model.plan import Group, groups
from penstock.planning.request import RunRequest
from penstock.stages import approve as approval
from penstock.stages import plan, redrive, report
from penstock.stages.switch import switch
from penstock.state import lease, plan_file, run_log, streams
from penstock.state.run_context import RunContext

Approve = Callable[[RunContext], tuple[bool, str]]
"""Asked before the switch when the migration wants an approval: (approved, by whom)."""

log = logging.getLogger(__name__)


def run_migration(request: RunRequest, approve: Approve | None = None) -> RunContext:
    """Run a migration to its end, or resume the run of the request where it stopped.

    Leaves a report in any case. Raises the PenstockError that stopped it.
    """
    area = request.area
    try:
        with run_log.stage(area, "plan"):
            context = planned(request)
        with lease.held(context, lease.WHOLE_RUN, "penstock run") as context:
            context = replace(context, plan=plan_file.as_written(area, context.plan))
            move(context)
            if not request.stop_before_switch:
                conclude(context, approve)
    except LeaseHeld:
        raise  # the report is the other process's to write
    except Exception:
        with suppress(NoSpace, NotWritable):  # it must not replace what stopped the run
            report.report(area, request.migration.name, request.run)
        raise
    report.report(area, request.migration.name, request.run)
    return replace(context, lease=None)


def planned(request: RunRequest) -> RunContext:
    """Plan a run. Before a repair of an earlier run, what is left in that run's quarantine is loaded.

    Once other tables are live, those rows come from the source, or not at all: that is logged and stops no repair.
    """
    if not (request.repair and request.of):
        return plan.plan(request)
    earlier = request.reopened(request.of)
    if redrive.left(earlier):
        try:
            redrive.redrive(earlier, request.migration)
        except SwitchRefused as refused:
            log.warning("the quarantine of the run %s is not loaded: %s", request.of, refused.why)
    return plan.plan(request.repairing(earlier.plan))


def move(context: RunContext) -> None:
    """The stages up to the proof, unless the run has switched already, or has applied changes of its source to what it has loaded."""
    if switch.happened(context) or streams.moved_on(context):
        return
    for stage in pipeline.of(context.plan, pipeline.MOVE):
        perform(context, stage)


def conclude(context: RunContext, approve: Approve | None) -> None:
    """The approval, when one is wanted, and the stages that make the tables live."""
    for stage in pipeline.of(context.plan, pipeline.SWITCH):
        if stage.function:
            perform(context, stage)
        elif approval.wanted(context):
            ask(context, approve)


def ask(context: RunContext, approve: Approve | None) -> None:
    """Have the switch approved by who can read the report by then. Nobody to ask is a no."""
    report.report(context.staging, context.plan.migration, context.plan.run)
    approved, by = approve(context) if approve else (False, "")
    with run_log.stage(context.staging, "approve"):
        approval.answered(context, approval.APPROVE if approved else approval.REJECT, by)


def perform(context: RunContext, stage: Stage, group: Group | None = None) -> Any:
    """Run one stage of a planned run, and record its time or its failure.

    group: of a stage that is fanned out, the part of its work; None is all of it. Answers what the stage's function answers; of a stage
    that is fanned out, one list of what it answers of all its groups.
    """
    function, label = function_of(stage), group.label if group else ""
    place = f"{stage.name} {label}".strip()
    with run_log.stage(context.staging, stage.name, label), lease.held(context, place, f"the stage {place}") as context:
        if not stage.fan_out:
            return function(context, *stage.given)
        parts = [group] if group else groups(context.plan, stage)
        return [found for part in parts for found in function(context, part.tables if stage.fan_out == "tables" else part.chunks)]


def function_of(stage: Stage) -> Callable[..., Any]:
    """The function of a stage, imported."""
    module, _, name = stage.function.partition(":")
    function: Callable[..., Any] = getattr(import_module(f"penstock.stages.{module}"), name)
    return function
