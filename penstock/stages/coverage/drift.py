"""Drift: how an incremental table at the target differs from its source, as far as counts or a digest can tell.

The record of such a table holds the rows and the digest of the whole table at the target, as they were carried forward by its increments.
The source is ahead of it: rows were added, and changed, since the watermark. So a difference is one only if it can't be of these.
"""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa

from penstock import databases, transforms
from penstock.databases import Database
from penstock.model import digest
from penstock.model.plan import Chunk, TablePlan
from penstock.planning.statements import extract_select
from penstock.state.coverage import CoverageRecord


def since(plan: TablePlan, by: str, found: CoverageRecord, database: Database, connection: sa.Connection, read: bool) -> str:
    """What the target lacks or has too much of, in words; empty where nothing shows. `connection`: to the source, where it counts rows.

    by: the column by which increments follow.  read: take the digest of the source's rows, too, where no step changes them and no row is
    later than the watermark. A table with a step that leaves rows out is not judged: how many those are is not recorded.
    """
    if not found.watermark or not transforms.keeps_rows(plan.steps) or plan.quarantines:
        return ""
    table, old = databases.qualified(database, plan.source.name), _up_to(plan, by, found.watermark, database)
    every, known = (
        int(databases.execute(connection, f"SELECT count(*) FROM {table}{where}").scalar_one()) for where in ("", f" WHERE {old}")
    )
    if found.rows < known:
        return f"the source has {known:,} rows up to {found.watermark}, {found.rows:,} are live: some were committed late"
    if found.rows > every:
        return f"the source has {every:,} rows, {found.rows:,} are live: some were deleted at the source"
    if read and not plan.steps and every == found.rows:
        batches = database.read(connection, extract_select(plan, database, Chunk(0)), plan.source.columns)
        if str(digest.total(batches, plan.source.columns)) != found.digest:
            return "rows of it have changed at the source"
    return ""


def _up_to(plan: TablePlan, by: str, watermark: str, database: Database) -> str:
    """The predicate of the rows up to the watermark, which is cut to whole seconds, and of those without a time."""
    column = plan.source.column(by)
    last = dt.datetime.fromisoformat(watermark).replace(microsecond=0)
    if column.type.name == "date":
        end = (last + dt.timedelta(days=1)).date().isoformat()
    else:
        end = (last + dt.timedelta(seconds=1)).isoformat(sep=" ")
    moment = database.moment(column)
    return f"{moment} < {database.moment_literal(end, column)} OR {moment} IS NULL"
