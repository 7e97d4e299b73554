"""The evidence of a run: what its gates, its comparison, its proof and a person said.

Each is a frozen value. The file of the run that holds it is written and read here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import SerializerFunctionWrapHandler, TypeAdapter, model_serializer, model_validator

from penstock.model.digest import Digest
from penstock.model.schema import Table
from penstock.model.schema_difference import SchemaDifference
from penstock.state import run_files
from penstock.state.json_file import Absent, JsonFile
from penstock.state.staging import Staging

Decision = Literal["go", "warn", "stop"]
GATES = ("extracted", "transformed", "loaded")
"""The stages that have a gate, in their order."""


@dataclass(frozen=True)
class Example:
    """A row that broke an expectation. key: empty where it may not be shown."""

    key: str
    value: str


@dataclass(frozen=True)
class Outcome:
    """What came out of one expectation.

    crashed: it could not be evaluated; `observed` then names the type of the error.
    observed: what was seen, as short text; withheld for sensitive columns.  expected: what was asked for.
    unexpected, elements: how many of how many values broke it; None where it looks at the table as a whole.
    examples: a few of the rows that did; of sensitive columns none.
    """

    code: str
    type: str
    columns: tuple[str, ...]
    severity: str
    success: bool
    crashed: bool
    expected: str
    observed: str
    unexpected: int | None = None
    elements: int | None = None
    examples: tuple[Example, ...] = ()

    def __str__(self) -> str:
        asked = f"{self.type}({', '.join(self.columns)})"
        if self.crashed:
            return f"{asked}: could not be evaluated: {self.observed} ({self.severity})"
        if self.unexpected is not None and self.elements is not None and not self.observed:
            return f"{asked}: {self.unexpected:,} of {self.elements:,} values {_not(self.expected)} ({self.severity})"
        return f"{asked}: {self.observed or 'failed'}, expected {self.expected} ({self.severity})"


def _not(expected: str) -> str:
    if expected.endswith("at least"):
        return f"were not as expected: {expected}"
    if expected.startswith("in ") and ".." in expected:
        return "outside " + expected.removeprefix("in ")
    return expected.removeprefix("not ") if expected.startswith("not ") else f"not {expected}"


@dataclass(frozen=True)
class Verdict:
    """A gate's decision about one table. suite_sha256: of the suite's file, None when the suite was generated."""

    table: str
    stage: str
    suite: str
    suite_sha256: str | None
    decision: Decision
    seconds: float
    results: tuple[Outcome, ...]

    @property
    def broken(self) -> tuple[Outcome, ...]:
        """The outcomes that were not as expected."""
        return tuple(r for r in self.results if not r.success)


@dataclass(frozen=True)
class Difference:
    """A row that differs between staging and the target, as text. fault: the type of the row fault, such as `MissingRow`.

    key: column=value.  column, staged, target: of a value that differs.  Values of sensitive columns are withheld.
    """

    fault: str
    table: str
    key: str
    column: Absent[str] = None
    staged: Absent[str] = None
    target: Absent[str] = None

    def __str__(self) -> str:
        what = {"MissingRow": " is missing at the target", "ExtraRow": " was never staged"}.get(self.fault)
        return f"row {self.key}{what or f': {self.column} is {self.target!r}, staged was {self.staged!r}'}"


@dataclass(frozen=True)
class Built:
    """A shadow once its keys and indexes were built: its definition (`Database.definition`), and what the catalogue said of it.

    shadow: None where an earlier version of Penstock built it, or where the catalogue did not have it.
    """

    definition: Mapping[str, str]
    shadow: Table | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_definition(cls, value: Any) -> Any:
        return value if not isinstance(value, dict) or "definition" in value else {"definition": value}


@dataclass(frozen=True)
class SchemaProof:
    """What was proved of a table's schema. objects: how many were compared.

    unannounced: what is not as planned. `penstock check` had no word of it, so it closes the gate.
    drift: what of a live table that stays is not as the migration would make it. It closes nothing.
    """

    objects: int
    unannounced: tuple[SchemaDifference, ...] = ()
    drift: tuple[SchemaDifference, ...] = ()


@dataclass(frozen=True)
class TableProof:
    """What was proved of a table. The digests at the three points; `faults` names rows that differ, at most twenty.

    quarantined: the digest of the rows that the load left out, taken of their file: staged = target + quarantined.
    balanced: rows read = rows loaded + rejected + filtered.  definition: of the shadow (`Database.definition`).
    seal: of the shadow, before it was read; None where the target has none.
    standing: of a repair, the digest of the live rows that are equal already and stay; they count as loaded.
    depth: of the proof; `source` when the source was read a second time and gave the same.
    schema: None where an earlier version of Penstock proved it.
    """

    table: str
    source: str
    staged: str
    target: str
    chunks: int
    rows_read: int
    filtered: int
    rejected: int
    rows: int
    balanced: bool
    seal: str | None
    seconds: float
    load_seconds: float
    broken: str = ""
    faults: tuple[Difference, ...] = ()
    quarantined: str = str(Digest())
    standing: str = str(Digest())
    depth: str = "staged"
    definition: Mapping[str, str] = field(default_factory=dict)
    schema: SchemaProof | None = None

    @property
    def holds(self) -> bool:
        return self.balanced and not self.broken and self.met and not (self.schema and self.schema.unannounced)

    @property
    def met(self) -> bool:
        """Whether the staged rows are those at the target and those in quarantine."""
        return Digest.parse(self.staged) == Digest.parse(self.target) + Digest.parse(self.quarantined)

    @model_serializer(mode="wrap")
    def _with_holds(self, fields: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {**fields(self), "holds": self.holds}


@dataclass(frozen=True)
class Proof:
    """The proof of a run: one entry a table. In JSON it is the list of these."""

    tables: tuple[TableProof, ...]

    @property
    def holds(self) -> bool:
        return all(t.holds for t in self.tables)

    @property
    def rows(self) -> int:
        """The rows that were proved."""
        return sum(t.rows for t in self.tables)

    @property
    def rejected(self) -> int:
        """The rows that went to quarantine."""
        return sum(t.rejected for t in self.tables)

    def of(self, table: str) -> TableProof:
        """The proof of the source table called `table`; KeyError when there is none."""
        for proof in self.tables:
            if proof.table == table:
                return proof
        raise KeyError(table)

    @model_validator(mode="before")
    @classmethod
    def _from_list(cls, value: Any) -> Any:
        return {"tables": value} if isinstance(value, list) else value

    @model_serializer(mode="wrap")
    def _as_list(self, fields: SerializerFunctionWrapHandler) -> list[Any]:
        return list(fields(self)["tables"])


@dataclass(frozen=True)
class ChunkProof:
    """The digests of a chunk as staged, at the target and in quarantine. held: whether they agree."""

    chunk: int
    staged: str
    target: str
    quarantined: str
    held: bool
    seconds: float


@dataclass(frozen=True)
class Comparison:
    """What a repair found of a table: `differ` of `pieces` parts have other rows than the source.

    live, put, leaving, standing: the digests of the live table, of the rows to put in place, of those that they replace, and of those
    that stay.  seal: of the live table, before it was read; None where the target has none.
    """

    table: str
    pieces: int
    differ: int
    live: str
    put: str
    leaving: str
    standing: str
    seal: str | None
    seconds: float

    @property
    def rows_put(self) -> int:
        return Digest.parse(self.put).rows

    @property
    def rows_leaving(self) -> int:
        return Digest.parse(self.leaving).rows

    @property
    def rows_standing(self) -> int:
        return Digest.parse(self.standing).rows


@dataclass(frozen=True)
class ForBackfill:
    """The backfill that an approval was given for, in words; how many runs it has; which of them asked."""

    words: str
    runs: int
    asked_by: str


@dataclass(frozen=True)
class Approval:
    """The answer of a person. by: empty when nobody answered in time.  at: an ISO instant.  rejected: the bad rows that the run had.

    backfill: None when the answer was given for this run alone.
    """

    approved: bool
    answer: str
    by: str
    at: str
    rejected: int = 0
    backfill: Absent[ForBackfill] = None


@dataclass(frozen=True)
class RedrivenTable:
    """Of the quarantined rows of a table: how many are live by now, and how many are left."""

    table: str
    loaded: int
    left: int


@dataclass(frozen=True)
class RedriveRecord:
    """The tables of which quarantined rows were re-driven."""

    at: str
    tables: tuple[RedrivenTable, ...]


_VERDICTS: TypeAdapter[tuple[Verdict, ...]] = TypeAdapter(tuple[Verdict, ...])
_CHUNKS: TypeAdapter[tuple[ChunkProof, ...]] = TypeAdapter(tuple[ChunkProof, ...])

PROOF: JsonFile[Proof] = JsonFile(run_files.PROOF, TypeAdapter(Proof))
BUILT: JsonFile[dict[str, Built]] = JsonFile(run_files.BUILT, TypeAdapter(dict[str, Built]))
"""By source table."""
COMPARED: JsonFile[tuple[Comparison, ...]] = JsonFile(run_files.COMPARED, TypeAdapter(tuple[Comparison, ...]))
APPROVAL: JsonFile[Approval] = JsonFile(run_files.APPROVAL, TypeAdapter(Approval))
REDRIVEN: JsonFile[RedriveRecord] = JsonFile(run_files.REDRIVEN, TypeAdapter(RedriveRecord))


def verdicts(stage: str) -> JsonFile[tuple[Verdict, ...]]:
    """What the gate after a stage decided, a verdict a table."""
    return JsonFile(run_files.verdicts(stage), _VERDICTS)


def chunk_proofs(table: str) -> JsonFile[tuple[ChunkProof, ...]]:
    """The proof of the chunks of a table, where it has several."""
    return JsonFile(run_files.proved(table), _CHUNKS)


def all_verdicts(area: Staging, stages: Iterable[str] = GATES) -> list[Verdict]:
    """The verdicts of all gates of a run that have decided."""
    return [v for stage in stages for v in verdicts(stage).find(area) or ()]
