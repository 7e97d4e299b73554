"""Evidence files whose content the journal knows: what a gate, a comparison, the proof or a person said.

Whoever can write into the staging area could forge such a file, and a process that lost its lease could write one late. So the hash of each
is recorded in the target's journal, in a transaction that the lease guards, and a switch believes no other content.
"""

from __future__ import annotations

import hashlib
from typing import TypeVar

import sqlalchemy as sa

from penstock.errors import SwitchRefused
from penstock.state import journal, patience
from penstock.state.journal_tables import EVIDENCE
from penstock.state.json_file import JsonFile
from penstock.state.run_context import RunContext

T = TypeVar("T")


def write(context: RunContext, file: JsonFile[T], value: T, connection: sa.Connection | None = None) -> None:
    """Record the content of an evidence file, and then publish it: one that is there is always recorded.

    connection: to the target, in no transaction; None where the stage has none.
    """
    text = file.text(value)
    if connection:
        _record(connection, context, file.path, text)
    else:
        patience.at_target(context, lambda connection: _record(connection, context, file.path, text))
    context.staging.write_text(text, file.path)


def find(context: RunContext, connection: sa.Connection, file: JsonFile[T]) -> T | None:
    """What an evidence file says; None when there is none. In the caller's transaction.

    Raises SwitchRefused when its content is not what was recorded.
    """
    area = context.staging
    if not area.exists(file.path):
        return None
    text = area.read_text(file.path)
    query = sa.select(EVIDENCE.c.sha256).where(*_of(context, file.path))
    # all: DuckDB's driver refuses another query before the last row is fetched
    recorded = connection.execute(query).scalars().all()
    if recorded != [_sha256(text)]:
        why = "the journal has a record of other content"
        if not recorded:
            why = "the journal has no record of it: it was added, or an earlier version of Penstock wrote it"
        fix = "find out who writes into the staging area; then start a new run"
        raise SwitchRefused(f"{file.path} is not what this run has written", f"{area.url}/{file.path}", why, fix)
    return file.parsed(area, text)


def _record(connection: sa.Connection, context: RunContext, name: str, text: str) -> None:
    journal.create(connection)
    with connection.begin():
        connection.execute(EVIDENCE.delete().where(*_of(context, name)))
        run = {"migration": context.plan.migration, "run": context.plan.run}
        connection.execute(EVIDENCE.insert().values(**run, name=name, sha256=_sha256(text), at=journal.now()))


def _of(context: RunContext, name: str) -> tuple[sa.ColumnElement[bool], ...]:
    plan = context.plan
    return EVIDENCE.c.migration == plan.migration, EVIDENCE.c.run == plan.run, EVIDENCE.c.name == name


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
