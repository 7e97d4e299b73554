"""A whole migration in one process: the stages in their order, the same functions that the DAG's tasks call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import sqlalchemy as sa

from penstock import gx, journal, record, staged_rows, staging
from penstock.intervals import Interval
from penstock.migration import Migration
from penstock.plan import Depth, groups
from penstock.session import Session
from penstock.stages import compare, extract, load, plan, prove, report, switch, transform, validate

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
        with record.stage(area, "plan"):
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
    with record.stage(area, "extract"):
        session = staged_rows.ready(session, begin=True)
        for group in groups(planned, "extract"):
            extract.extract(session, group.tables)
        extract.finish(session)
    with record.stage(area, "gate_extracted"):
        validate.gate(session, "extracted")
    if planned.transformed:
        with record.stage(area, "transform"):
            for group in groups(planned, "transform"):
                transform.transform(session, group.chunks)
        with record.stage(area, "gate_transformed"):
            validate.gate(session, "transformed")
    if any(t.repairs for t in planned.tables):
        with record.stage(area, "compare"):
            compare.compare(session)
    with record.stage(area, "prepare"):
        load.prepare(session)
    with record.stage(area, "load"):
        for group in groups(planned, "load"):
            load.load(session, group.chunks)
    with record.stage(area, "build"):
        load.build(session)
    with record.stage(area, "gate_loaded"):
        validate.gate(session, "loaded")
    with record.stage(area, "prove"):
        prove.prove(session)


def conclude(session: Session, approve: Approve | None) -> None:
    """The approval, when one is wanted; the switch; its check; the end of what earlier switches kept."""
    area = session.staging
    if session.plan.approval and not area.exists("approval.json") and not area.exists("switch.json"):
        report.report(area, session.plan.migration, session.plan.run)
        approved, by = approve(session) if approve else (False, "")
        answer = {"approved": approved, "answer": "Approve" if approved else "Reject", "by": by, "at": journal.now()}
        answer["rejected"] = sum(p["rejected"] for p in area.read_json("proof.json"))
        area.write_json(answer, "approval.json")
    with record.stage(area, "switch"):
        switch.switch(session)
    with record.stage(area, "verify"):
        switch.verify(session)
    with record.stage(area, "finish"):
        switch.finish(session)
