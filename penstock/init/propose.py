"""From two databases to a migration file that passes preflight: each blocking problem becomes a decision, until there is none left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from penstock import databases
from penstock.databases import Database
from penstock.errors import PenstockError, Problem, ReadFailed, Remedy
from penstock.init import profile as profiles
from penstock.init import proposals, starter_suites, unread
from penstock.init.draft import RESERVED, Decision, Draft
from penstock.init.profile import TableProfile
from penstock.migration.loader import load
from penstock.model.endpoints import Endpoints
from penstock.model.plan import TablePlan
from penstock.model.schema import Table
from penstock.planning.preflight.result import PreflightResult
from penstock.planning.request import RunRequest
from penstock.stages import plan

_ROUNDS = 20
_SAMPLED = 60.0
"""Seconds in which rows are tried. A sample of every table should fit."""
Ask = Callable[[Decision], int]
"""Asks a person for the number of a choice."""


@dataclass(frozen=True)
class Proposal:
    """What is proposed.

    suites: by file name.  unsolved: blocking problems that no change of the file solves.  found: by the last preflight.
    """

    draft: Draft
    suites: dict[str, Any]
    unsolved: tuple[Problem, ...]
    found: PreflightResult

    @property
    def decided(self) -> tuple[Decision, ...]:
        return tuple(d for d in self.draft.decisions if d.active)


def safest(decision: Decision) -> int:
    """The answer of nobody: the first choice."""
    return 0


def propose(draft: Draft, ends: Endpoints, ask: Ask = safest) -> Proposal:
    """Complete a draft that has no decisions yet.

    Raises ConnectionFailed. Changes nothing at either end.
    """
    draft, tables, seen, left = _solved(draft, ends, ask)
    draft = _proposed(draft, tables, seen)
    hidden = {t.name: frozenset(_sensitive(draft, t.name)) for t in tables}
    suites = {
        f"{name}.extracted.json": made
        for name, found in seen.items()
        for table in (next(t for t in tables if t.name == name),)
        if (made := starter_suites.suite(name, table.source, found, hidden[name]))
    }
    found = _preflight(draft, ends)
    return Proposal(draft, suites, (*found.blocking, *(p for p in left if p not in found.blocking)), found)


def _solved(draft: Draft, ends: Endpoints, ask: Ask) -> tuple[Draft, tuple[TablePlan, ...], dict[str, TableProfile], tuple[Problem, ...]]:
    """The draft with a decision for each blocking problem that one solves, its tables, what their rows look like, and the other problems.

    Where a choice does not help, the table is left out. Rows are looked at when all else is decided: first as they are read, then a sample
    as it is loaded.
    """
    met: Counter[tuple[str, str]] = Counter()
    tables: tuple[TablePlan, ...] = ()
    seen: dict[str, TableProfile] = {}
    known: dict[Table, TableProfile] = {}
    problems: tuple[Problem, ...] = ()
    for _ in range(_ROUNDS):
        found = _preflight(draft, ends)
        tables, problems = found.tables, found.blocking
        if not problems:
            seen, problems = _profiles(tables, ends, known)
        if not problems:
            # with what seems sensitive, so that no reason shows it
            problems = _preflight(_proposed(draft, tables, seen), ends, within=_SAMPLED).blocking
        names = [t.name for t in tables]
        if revised := _revised(draft, problems, names):
            draft = revised
            continue
        made = list(_decisions(problems, names, met))
        if not made:
            break
        draft = _without_the_left_out(_with(draft, (d.choosing(ask(d)) if len(d.choices) > 1 else d for d in made)))
    return draft, tables, seen, problems


def _proposed(draft: Draft, tables: Iterable[TablePlan], seen: Mapping[str, TableProfile]) -> Draft:
    for table in (t for t in tables if t.name not in RESERVED):
        draft = _with(draft, proposals.of_table(table.name, table.source, seen.get(table.name)))
    return draft


def _without_the_left_out(draft: Draft) -> Draft:
    """The draft in which a table that is left out has one decision, with every reason."""
    reasons: dict[str, list[str]] = {}
    for decision in (d for d in draft.decisions if d.chosen.exclude):
        reasons.setdefault(decision.chosen.table, []).append(decision.reason)
    out = [Decision(" ".join(dict.fromkeys(why)), (Remedy(table, exclude=True),)) for table, why in reasons.items()]
    return replace(draft, decisions=(*(d for d in draft.decisions if d.chosen.table not in reasons), *out))


def _decisions(problems: Iterable[Problem], tables: Sequence[str], met: Counter[tuple[str, str]]) -> Iterator[Decision]:
    for problem in problems:
        table = _table_of(problem.where, tables)
        out = (Remedy(table, exclude=True),) if table else ()
        again = met[problem.where, problem.what]
        met[problem.where, problem.what] += 1
        remedies = [r for r in problem.remedies if r.table not in RESERVED and not r.statement]
        choices = (*remedies, *out) if not again else out
        if choices and again < 2:
            column = problem.where.removeprefix(f"table {table}").lstrip(", ").removeprefix("column ") if table else ""
            at_target = "".join(f" Or run at the target: {r.statement}" for r in problem.remedies if r.statement)
            yield Decision(f"{f'{column}: ' if column else ''}{problem.what}.{at_target}", choices)


def _revised(draft: Draft, problems: Iterable[Problem], tables: Sequence[str]) -> Draft | None:
    """The draft with the next choice of each decision about a column that has a problem all the same; None where there is none."""
    decisions = list(draft.decisions)
    for problem in problems:
        table = _table_of(problem.where, tables)
        for number, decision in enumerate(decisions):
            told = any(problem.where.endswith(f"column {c}") for c in _columns_of(decision.chosen))
            if decision.active and decision.chosen.table == table and told and len(decision.choices) > 1:
                decisions[number] = replace(decision, choices=decision.choices[1:])
                break
    return replace(draft, decisions=tuple(decisions)) if decisions != list(draft.decisions) else None


def _columns_of(change: Remedy) -> Iterator[str]:
    """The columns that the change casts."""
    for step in change.fields.get("transform", ()):
        yield from step.get("cast", ())


def _table_of(where: str, tables: Sequence[str]) -> str:
    """The table that a problem is of; "" where it is of none."""
    named = where.removeprefix("table ") if where.startswith("table ") else ""
    fitting = [t for t in tables if named == t or named.startswith(f"{t}, ")]
    return max(fitting, key=len, default="")


def _with(draft: Draft, decisions: Iterable[Decision]) -> Draft:
    return replace(draft, decisions=(*draft.decisions, *decisions))


def _sensitive(draft: Draft, table: str) -> Iterator[str]:
    for change in (d.chosen for d in draft.decisions if d.active and d.chosen.table == table):
        yield from change.fields.get("sensitive", ())


def _preflight(draft: Draft, ends: Endpoints, within: float = 0) -> PreflightResult:
    """What preflight finds of the file that the draft is so far."""
    with TemporaryDirectory(prefix="penstock-") as folder:
        file = Path(folder, f"{draft.name}.yaml")
        file.write_text(draft.text(), encoding="utf-8")
        request = RunRequest(load(file, ""), "init", ends, "", Path(folder, "suites"))
        return plan.preflight(request, within > 0, within)


def _profiles(
    tables: Sequence[TablePlan], ends: Endpoints, known: dict[Table, TableProfile]
) -> tuple[dict[str, TableProfile], tuple[Problem, ...]]:
    """By table, what its first rows look like; and the columns that can't be read. Of the tables that have one, nothing else is known.

    known: the profiles of tables as they were read before, which are not read again; new ones are added.
    """
    source: Database = databases.of(ends.source)
    alike = databases.of(ends.target).dialect == source.dialect
    engine = databases.connect(source, ends.source, "source")
    found, problems = {}, []
    for table in tables:
        if before := known.get(table.source):
            found[table.name] = before
            continue
        with engine.connect() as connection:
            try:
                found[table.name] = known[table.source] = profiles.profile(source, connection, table.source)
            except ReadFailed as fault:
                if fault.column:
                    problems.append(unread.problem(table.name, source, connection, table.source, fault, alike))
            except PenstockError:
                continue
    engine.dispose()
    return found, tuple(problems)
