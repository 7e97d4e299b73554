"""A run's staged rows: whether they are still there, and the key by which those of protected tables are written and read.

Every stage that writes or reads staged rows begins with `ready`. The random part of the key is in the journal of the target database, so
it is made, once, before the first row is staged. `protection.json` in the staging area says which secret from outside the key is made
with, and has a check value of it: a run that goes on with another secret, or without its journal, is refused in words.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

import sqlalchemy as sa
from pydantic import TypeAdapter

from penstock.errors import RowsRemoved, StagingLocked
from penstock.model.file_names import folder
from penstock.state import journal, patience, protection, run_files
from penstock.state.journal_tables import KEYS
from penstock.state.json_file import JsonFile
from penstock.state.protection import SECRETS, Protection
from penstock.state.run_context import RunContext
from penstock.state.staging import Staging
from penstock.transforms._hidden_columns import is_encrypted

_NEW_RUN = "start a new run, which reads the source again (`penstock run --new`; in Airflow, trigger the DAG or clear the preflight task)"


@dataclass(frozen=True)
class Protected:
    """Which tables of a run are encrypted. secret: the name of the secret from outside that its key is made with, empty for none.

    check: a value by which another key is recognized.  at: when the key was made, an ISO instant.
    """

    tables: tuple[str, ...]
    secret: str
    check: str
    at: str


@dataclass(frozen=True)
class Removed:
    """When the row files of a run, and its quarantine, were removed: ISO instants, None for what was not.

    done: whether the removal came to its end.
    """

    rows: str | None = None
    quarantine: str | None = None
    done: bool = False


PROTECTED: JsonFile[Protected] = JsonFile(run_files.PROTECTION, TypeAdapter(Protected))
REMOVED: JsonFile[Removed] = JsonFile(run_files.REMOVED, TypeAdapter(Removed))


def ready(context: RunContext, begin: bool = False, quarantine: bool = False) -> RunContext:
    """The context with the readings of its tables that count now, and with the key of its staged rows, where any table is protected.

    begin: the run stages its first rows; the key is made where there is none.  quarantine: the quarantine is needed, not the row files.
    Raises RowsRemoved when the rows are no longer there, StagingLocked when their key is not.
    """
    area, plan = context.staging, context.plan
    if when := removed(area, quarantine):
        what = "the quarantine" if quarantine else "the staged rows"
        raise RowsRemoved(f"{what} of the run {plan.run} were removed on {when[:10]}", where=area.url, fix=_NEW_RUN)
    area = context.with_readings().staging
    folders = frozenset(folder(t.name) for t in plan.tables if is_encrypted(t))
    if folders and not area.protection.key:
        area = area.protected(Protection(folders, _key(context, begin)))
    return context.with_staging(area)


def removed(area: Staging, quarantine: bool = False) -> str:
    """When a run's row files (or its quarantine) were removed, as text; empty when they were not."""
    found = REMOVED.find(area) or Removed()
    return (found.quarantine if quarantine else found.rows) or ""


def place(area: Staging) -> str:
    """What the journal keeps of a staging area's URL, which may hold credentials."""
    return hashlib.sha256(area.url.encode()).hexdigest()


def _key(context: RunContext, begin: bool) -> bytes:
    area, plan = context.staging, context.plan
    record = PROTECTED.find(area)
    random = _random(context, make=begin and record is None)
    if random is None:
        raise StagingLocked(
            f"the staged rows of the run {plan.run} can't be read: the target's journal no longer has their key",
            where=f"table {KEYS.name} in {plan.target}",
            why="the row was deleted (by penstock clean, or when the run finished), or the target was made anew",
            fix=_NEW_RUN,
        )
    outside = protection.chosen(context.secrets) if record is None else record.secret
    key = protection.mixed(random, context.secrets.get(outside, "") if outside else "")
    if record is None:
        tables = tuple(sorted(t.name for t in plan.tables if is_encrypted(t)))
        PROTECTED.write(area, Protected(tables, outside, protection.check(key), journal.now()))
    elif record.check != protection.check(key):
        raise StagingLocked(
            f"the staged rows of the run {plan.run} can't be read: the secret that they were encrypted with has changed",
            where=f"Airflow connection {SECRETS[outside]} (command line: PENSTOCK_{outside.upper()})" if outside else area.url,
            why="it was another one when the run began" if context.secrets.get(outside) else "it is not set here",
            fix=f"set it to what it was, or {_NEW_RUN}",
        )
    return key


def _random(context: RunContext, make: bool) -> bytes | None:
    """The part of the run's key that the journal keeps; made where it is missing and `make` says so."""
    try:
        return patience.at_target(context, lambda connection: _kept(connection, context, make))
    except sa.exc.IntegrityError:  # another task of this run has just made it
        return patience.at_target(context, lambda connection: _kept(connection, context, make=False))


def _kept(connection: sa.Connection, context: RunContext, make: bool) -> bytes | None:
    plan = context.plan
    if make:
        journal.create(connection)
    with connection.begin():
        found = journal.keys(connection, plan.migration, plan.run)
        if not found and make:
            random = secrets.token_hex(32)
            journal.write_key(connection, journal.Key(plan.migration, plan.run, random, place(context.staging), journal.now()))
            return bytes.fromhex(random)
    return bytes.fromhex(found[0].random) if found else None
