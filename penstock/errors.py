"""Every fault Penstock can report, as a type with fields.

Each says what is wrong, where, why and what to do; `retryable` says whether trying again can help.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Literal

_DOCS = "docs/troubleshooting.md"
"""The page with a section for each error, in the repository and on the documentation site."""

SET_APART = "set such rows apart: `bad_rows: {action: quarantine, at_most: 100}`"
"""What can be done about any row that a step or the target refuses."""


@dataclass
class PenstockError(Exception):
    """Something Penstock refuses or could not do.

    what: the fault in one sentence.  where: file, table, chunk, column.  why: the cause.  fix: what to do.
    """

    what: str
    where: str = ""
    why: str = ""
    fix: str = ""
    retryable: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__init__(self.what)

    def __str__(self) -> str:
        lines = [f"{type(self).__name__}: {self.what}"]
        lines += [f"  {part}: {text}" for part in ("where", "why", "fix") if (text := getattr(self, part))]
        return "\n".join(lines)

    @property
    def docs(self) -> str:
        """The section of the documentation about this error."""
        return f"{_DOCS}#{type(self).__name__.lower()}"

    def __reduce__(self) -> tuple[object, ...]:
        """Faults cross process borders: rebuild from the fields."""
        return type(self), tuple(getattr(self, f.name) for f in fields(self))


class MigrationError(PenstockError):
    """The migration file says something that can't be."""


class ConnectionFailed(PenstockError):
    """A database could not be reached or would not let us in."""

    retryable = True


class NoSpace(PenstockError):
    """A disk, a quota or a bucket has no room for what must be written. Trying again can help, when there is room."""

    retryable = True


class NotWritable(PenstockError):
    """A target or a staging area can only be read. Trying again can help, when a standby has become the primary."""

    retryable = True


@dataclass
class LeaseHeld(PenstockError):
    """Another process is working on the run, or on another run into the same shadow tables. run: that process's run."""

    run: str = ""
    retryable = True


class LeaseLost(LeaseHeld):
    """Another process has taken the run over, because this one was stopped or did not reach the target for too long."""

    retryable = False


class StreamLost(PenstockError):
    """What the source keeps for a stream of changes does not go on from where the stream was left: changes would be skipped."""


@dataclass
class SchemaChanged(PenstockError):
    """A table that is followed has other columns than when the stream began. table, column: which."""

    table: str = ""
    column: str = ""


class UnknownConnection(PenstockError):
    """A connection id that nothing defines."""


class UnsupportedType(PenstockError):
    """A column's type has no canonical counterpart, or none at the target."""


@dataclass
class ReadFailed(PenstockError):
    """A source value or row could not be read exactly. column: the one that has the value, where that is known."""

    column: str = ""


class TransformFailed(PenstockError):
    """A declared transform could not be applied."""


@dataclass
class BadValues(TransformFailed):
    """A transform could not be applied to the values of some rows; to the others it may be.

    step: its number among the table's.  column: the one it was making.
    rows: the places, among the rows it was given, of some that it can't be applied to; empty where it can't say.
    """

    step: int = 0
    column: str = ""
    rows: Sequence[int] = ()


@dataclass
class LoadFailed(PenstockError):
    """The target refused rows. column: whose value it was, where the target says.

    rows: (place among the rows it was given, column, why) of those at fault, in their order, none left out up to the last;
    empty where the target can't say.
    """

    column: str = ""
    rows: Sequence[tuple[int, str, str]] = ()


class RowsRefused(LoadFailed):
    """The target can't hold values of some of the rows; without those it would take the others."""


@dataclass
class TooManyBadRows(PenstockError):
    """More rows can't be carried than the migration lets go to quarantine. counts: (reason, rows), what was found so far."""

    rows: int = 0
    at_most: int = 0
    counts: Sequence[tuple[str, int]] = ()

    def __str__(self) -> str:
        return super().__str__() + "".join(f"\n  ✗ {rows:,} × {reason}" for reason, rows in self.counts)


class StagingDamaged(PenstockError):
    """A staged file is not what its receipt says."""

    @classmethod
    def of(cls, table: str, chunk: int, file: str, expected: str, found: str) -> StagingDamaged:
        return cls(
            f"a staged file of {table} is not what was staged",
            where=f"table {table}, chunk {chunk}, file {file}",
            why=f"its receipt says {expected}, it has {found}: it was changed after it was written",
            fix="find out who writes into the staging area; then start a new run, which reads the source again",
        )

    @classmethod
    def of_run(cls, where: str, why: str) -> StagingDamaged:
        fix = "find out who writes into the staging area, and whether its disk was full; then start a new run"
        return cls("a file of the run is not what was written", where, why, fix)


class StagingLocked(PenstockError):
    """Staged rows are encrypted, and their key is missing or is another one."""


class RowsRemoved(PenstockError):
    """The staged rows of a run were removed: it has finished, or the time to keep them is over."""


class JournalNewer(PenstockError):
    """The journal at the target was upgraded by a newer Penstock, so this one can't tell what it says."""


class SwitchRefused(PenstockError):
    """The evidence for a switch, or for its undo, is missing or no longer holds."""


class LockRefused(SwitchRefused):
    """A lock that a switch or an undo needs could not be had in time. Trying again can help: nothing has changed."""

    retryable = True

    @classmethod
    def of(cls, where: str, why: str) -> LockRefused:
        fix = "nothing has changed: run this again when the live tables are less busy, or declare a longer `switch: {lock_wait: …}`"
        return cls("the target refused a lock in time", where, why, fix)


class NotApproved(SwitchRefused):
    """A person, or the clock, said no."""


class Unforeseen(PenstockError):
    """A database's error that Penstock has no better words for. It is a defect to be reported."""


Area = Literal[
    "privileges", "version", "settings", "space", "size", "migration", "key", "type", "name", "collision", "schema", "values", "suite"
]


@dataclass(frozen=True)
class Remedy:
    """A change that solves a problem: of the migration file, or at the target.

    fields: of the table's section, or of the file's top level where table is "". Steps (`transform`) are put before the table's others,
    but a `rename` after them.
    exclude: the table is left out.  statement: to be run at the target; the file stays as it is.
    """

    table: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    exclude: bool = False
    statement: str = ""


@dataclass(frozen=True)
class Kind:
    """What many such problems are told as. called: behind their number: `foreign keys not carried`.  why: their reason, in words."""

    called: str
    why: str = ""


@dataclass(frozen=True)
class Problem:
    """One thing that preflight or check found. `blocking` ones stop the run; the others are warnings. area: what it is about.

    remedies: changes that solve it, the safest first. `fix` says the same in words.
    kind: what it has in common with others; None: only one that says the same is of its kind.
    """

    blocking: bool
    where: str
    what: str
    fix: str = ""
    area: Area = "schema"
    remedies: tuple[Remedy, ...] = ()
    kind: Kind | None = None


_FEW = 12
"""So many warnings are shown beside the problems that stop a run."""


@dataclass
class PreflightFailed(PenstockError):
    """Preflight found blocking problems. problems: all that it found."""

    problems: Sequence[Problem] = ()

    def __str__(self) -> str:
        lines = [f"PreflightFailed: {self.what}"]
        warnings = [p for p in self.problems if not p.blocking]
        for p in (*(p for p in self.problems if p.blocking), *(warnings if len(warnings) <= _FEW else ())):
            lines.append(f"  {'✗' if p.blocking else '·'} {p.where}: {p.what}" + (f"\n      fix: {p.fix}" if p.fix else ""))
        if len(warnings) > _FEW:
            lines.append(f"  · {len(warnings):,} warnings: `penstock check` lists them")
        return "\n".join(lines)


@dataclass
class GateClosed(PenstockError):
    """A gate did not open: a critical expectation failed, one crashed, or the proof does not hold."""

    stage: str = ""
    failed: Sequence[str] = ()

    def __str__(self) -> str:
        return super().__str__() + "".join(f"\n  ✗ {line}" for line in self.failed)


@dataclass(frozen=True)
class MissingRow:
    """A staged row that the target does not hold. `key` is column=value, as text."""

    table: str
    key: str


@dataclass(frozen=True)
class ExtraRow:
    """A target row that was never staged."""

    table: str
    key: str


@dataclass(frozen=True)
class DifferentValue:
    """The same key with another value. Values are text; a sensitive column's are withheld."""

    table: str
    key: str
    column: str
    staged: str
    target: str


RowFault = MissingRow | ExtraRow | DifferentValue
