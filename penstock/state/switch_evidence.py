"""What a switch was made on, and what it and its undo did.

The journal keeps the evidence, committed with the switch; the staging area of the run keeps a record for its report. Each is a frozen
value, and is written and read here and nowhere else.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, NamedTuple

from pydantic import Field, TypeAdapter

from penstock.model.plan import TablePlan
from penstock.state import run_files
from penstock.state.coverage import CoverageRecord
from penstock.state.evidence import Approval, Decision, Proof
from penstock.state.json_file import JsonFile


@dataclass(frozen=True)
class GateDecision:
    """A verdict in short, as a switch is bound to it."""

    table: str
    stage: str
    decision: Decision
    suite_sha256: str | None


@dataclass(frozen=True)
class Rejected:
    """The quarantined rows of a table. files: the sha256 of each quarantine file by its path."""

    table: str
    rows: int
    files: Mapping[str, str]


class LostKey(NamedTuple):
    """A foreign key that a table lost when a switch set it aside. schema, table: of that table."""

    table: str
    schema: str | None
    name: str
    definition: str


@dataclass(frozen=True)
class Evidence:
    """What a switch was made on, and what its undo needs; the journal keeps it. plan: the fingerprint of the migration file.

    overlapped: the coverage that the switch replaced.  left: by table, the run that it was left to.
    links: the foreign keys that kept tables lost.
    kinds, notes: by live table, the switch kind, and what the kind has to know for an undo; JSON-able.
    exchanged: in records of version 0.1, the notes of attached partitions, by source table.
    """

    verdicts: tuple[GateDecision, ...] = ()
    proof: Proof = field(default_factory=lambda: Proof(()))
    approval: Approval | None = None
    rejected: tuple[Rejected, ...] = ()
    plan: str = ""
    overlapped: tuple[CoverageRecord, ...] = ()
    left: Mapping[str, str] = field(default_factory=dict)
    links: tuple[LostKey, ...] = ()
    kinds: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    exchanged: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def to_json(self) -> str:
        return json.dumps(_EVIDENCE.dump_python(self, mode="json", by_alias=True))  # ASCII: not every target stores all of Unicode

    @classmethod
    def from_json(cls, text: str) -> Evidence:
        return _EVIDENCE.validate_json(text)


class Move(NamedTuple):
    """A table that a switch has moved: the live table, the shadow it came from, the table that keeps what was live before, if any."""

    live: str
    shadow: str
    kept: str | None


class Replaced(NamedTuple):
    """A live table of which a switch has replaced rows, and the table that keeps them, if any."""

    live: str
    kept: str | None


@dataclass(frozen=True)
class SwitchRecord:
    """What a switch did, as a run's staging area has it for its report. The journal has what an undo needs.

    keep_until: an ISO instant.  left: by table, the run that it was left to.  taken_out: by live table, rows replaced.
    changes: by live table, what the switch did with it; empty in files of version 0.1.
    """

    state: str
    at: str
    token: str
    keep_until: str
    moves: tuple[Move, ...]
    replaced: tuple[Replaced, ...] = ()
    left: Mapping[str, str] = field(default_factory=dict)
    taken_out: Mapping[str, int] = field(default_factory=dict)
    changes: Mapping[str, str] = field(default_factory=dict)


def overtaken(record: SwitchRecord, tables: Iterable[TablePlan]) -> dict[str, str]:
    """The tables that were left to a run which read the source later, each with that run.

    A table that is loaded once is left to the run that has loaded it: that is as declared.
    """
    return {t.name: record.left[t.name] for t in tables if t.name in record.left and not t.once}


@dataclass(frozen=True)
class PutBack:
    """A live table that an undo has put back. kept: where its rows came from, None where nothing was live before; `from` in JSON.

    aside: where what the run had made live is now.
    """

    live: str
    aside: str
    kept: Annotated[str | None, Field(alias="from")] = None


@dataclass(frozen=True)
class Requester:
    """Who asked for an undo, and the id of the run that does it; both empty when unknown."""

    by: str = ""
    run: str = ""


@dataclass(frozen=True)
class UndoRecord:
    """What an undo did. written_since: the live tables into which rows were written since the switch."""

    state: str
    at: str
    statements: tuple[str, ...]
    written_since: tuple[str, ...]
    token: str
    put_back: tuple[PutBack, ...] = ()
    asked: Requester = Requester()


_EVIDENCE: TypeAdapter[Evidence] = TypeAdapter(Evidence)

SWITCH: JsonFile[SwitchRecord] = JsonFile(run_files.SWITCH, TypeAdapter(SwitchRecord))
UNDO: JsonFile[UndoRecord] = JsonFile(run_files.UNDO, TypeAdapter(UndoRecord))
