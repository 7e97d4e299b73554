"""A whole migration in one process: the stages in their order, the same functions that the DAG's tasks call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import sqlalchemy as sa

from penstock.migration.spec import Migration
from penstock.model.intervals import Interval
from penstock.model.plan import Depth, groups
from penstock.stages import compare, extract, load, plan, prove, report, transform
from penstock.stages.switch import switch
from penstock.stages.validate import gate, gx
from penstock.state import evidence, journal, run_files, run_log, staged_rows, staging
from penstock.state.evidence import Approval
from penstock.state.run_context import Session

Approve = Callable[[Session], tuple[bool, str]]
"""Asked before the switch when the migration wants an approval: (approved, by whom)."""


def run(
    migration: Migration,
    run_id: str,
    root: str,
    source_url: sa.URL,
    target_url: sa.URL,
    folder: Path,
    secrets: Mapping[str, str] | None = None,
    approve: Approve | None = None,
    chunk_bytes: int | None = None,
    only: tuple[str, ...] = (),
    until: str = "switch",
    interval: Interval | None = None,
    repair: bool = False,
    depth: Depth = "staged",
) -> Session:
    """Run a migration to its end, or go on with the run `run_id` where it was killed.

    root: URL of the staging area.  folder: of the suites.  until: `gate` stops with everything proved and nothing switched.
    interval: whose rows of partitioned tables are moved.  repair: only what differs from the live tables.  depth: of the proof.
    Leaves a report in any case. Raises the PenstockError that stopped it.
    """
    area = staging.of(root, migration.name, run_id)
    gx.load_meanwhile()  # while the source is asked for its tables, which leaves a processor idle
    try:
        with run_log.stage(area, "plan"):
            session = plan.plan(
                migration, run_id, root, source_url, target_url, folder, secrets, chunk_bytes, only, interval, repair, depth
            )
        move(session)
        if until == "switch":
            conclude(session, approve)
    except Exception:
        report.report(area, migration.name, run_id)
        raise
    report.report(area, migration.name, run_id)
    return session


def move(session: Session) -> None:
    """Everything up to the proof: extract, transform, load and build, with their gates."""
    if switch.happened(session):
        return
    area, planned = session.staging, session.plan
    with run_log.stage(area, "extract"):
        session = staged_rows.ready(session, begin=True)
        for group in groups(planned, "extract"):
            extract.extract(session, group.tables)
        extract.finish(session)
    with run_log.stage(area, "gate_extracted"):
        gate.gate(session, "extracted")
    if planned.transformed:
        with run_log.stage(area, "transform"):
            for group in groups(planned, "transform"):
                transform.transform(session, group.chunks)
        with run_log.stage(area, "gate_transformed"):
            gate.gate(session, "transformed")
    if any(t.repairs for t in planned.tables):
        with run_log.stage(area, "compare"):
            compare.compare(session)
    with run_log.stage(area, "prepare"):
        load.prepare(session)
    with run_log.stage(area, "load"):
        for group in groups(planned, "load"):
            load.load(session, group.chunks)
    with run_log.stage(area, "build"):
        load.build(session)
    with run_log.stage(area, "gate_loaded"):
        gate.gate(session, "loaded")
    with run_log.stage(area, "prove"):
        prove.prove(session)


def conclude(session: Session, approve: Approve | None) -> None:
    """The approval, when one is wanted; the switch; its check; the end of what earlier switches kept."""
    area = session.staging
    if session.plan.approval and not area.exists(run_files.APPROVAL) and not area.exists(run_files.SWITCH):
        report.report(area, session.plan.migration, session.plan.run)
        approved, by = approve(session) if approve else (False, "")
        answer, rejected = "Approve" if approved else "Reject", evidence.PROOF.read(area).rejected
        evidence.APPROVAL.write(area, Approval(approved, answer, by, journal.now(), rejected))
    with run_log.stage(area, "switch"):
        switch.switch(session)
    with run_log.stage(area, "verify"):
        switch.verify(session)
    with run_log.stage(area, "finish"):
        switch.finish(session)
