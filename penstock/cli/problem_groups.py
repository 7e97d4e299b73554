"""Problems as a screen has room for them: those of one kind as one line with their number, when there are many."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from penstock.errors import Problem
from penstock.runtime.formatting import few

FEW = 12
"""So many problems are shown one by one."""
_SHOWN = 5  # of blocking problems of one kind
_LIST = "list: --verbose"

# What a line says of one object, and how many such lines are told as one. The number comes before it.
_KINDS = tuple(
    (re.compile(pattern, re.DOTALL), told)
    for pattern, told in (
        (r"index .+ is not created: (?P<why>.+)", "indexes not created: {why}"),
        (r"foreign key .+ is not created: (?P<why>.+)", "foreign keys not created: {why}"),
        (r"foreign key .+ to .+ is not carried: .+ is not in this migration", "foreign keys not carried: they refer to tables outside"),
        (r"foreign key .+ is not carried: .+", "foreign keys not carried: steps change their columns"),
        (r"(?:unique )?index .+ is not carried: (?P<why>.+ has no .+|.+ could not switch .+)", "indexes not carried: {why}"),
        (r"(?:unique )?index .+ is not carried: .+", "indexes not carried"),
        (r"check constraint .+ is not carried: .+", "checks not carried"),
        (r"default .+ is not carried: .+", "defaults not carried"),
        (r"NOT NULL of .+ is not carried: .+", "columns lose NOT NULL by a step"),
        (r"the comments? on .+ is not carried: (?P<why>.+)", "tables lose their comments: {why}"),
        (r"ON UPDATE CURRENT_TIMESTAMP of .+ is not carried: (?P<why>.+)", "ON UPDATE CURRENT_TIMESTAMP not carried: {why}"),
        (r".+ is NOT NULL and has no default here: .+", "NOT NULL columns without their default: an INSERT that leaves them out will fail"),
        (r".+ is generated at the source and a plain column here.*", "generated columns arrive as plain ones, with their values"),
        (r".+ is carried as .+?: (?P<db>.+) has no .+", "columns carried in another form: {db} has no such type"),
        (r".+ keeps its numbers; (?P<why>.+)", "columns keep their numbers; {why}"),
        (r".+ is numbered .+ at the source; (?P<why>.+)", "columns are numbered in another way; {why}"),
        (r".+ is a key by .+ at the source; (?P<why>.+)", "keys by a looser rule at the source; {why}"),
        (r"foreign key .+ holds by a looser rule at the source: .+", "foreign keys hold by a looser rule at the source"),
        (r"its partitions, by .+, arrive as one table: (?P<why>.+)", "partitioned tables arrive as one table each: {why}"),
        (r"index .+ is made without the columns that it only holds: .+", "indexes are made without the columns that they only hold"),
        (r"not carried: trigger .+", "triggers not carried"),
        (r"not carried: index .+", "indexes not carried"),
        (r"not carried: foreign key .+", "foreign keys not carried as they are"),
        (r"not carried: constraint .+", "constraints not carried"),
        (r"not carried: storage parameter .+", "storage parameters not carried"),
        (r"the source type .+ has no counterpart", "columns of a type without a counterpart"),
    )
)


@dataclass(frozen=True)
class Line:
    """One line of the list of problems."""

    blocking: bool
    area: str
    where: str
    what: str
    fix: str


def lines(problems: Sequence[Problem], verbose: bool = False) -> Iterator[Line]:
    """What is shown of the problems: those that block first, each with its fix; then the others, by kind where there are many."""
    blocking, others = ([p for p in problems if p.blocking is blocks] for blocks in (True, False))
    for kind, found in _grouped(blocking):
        shown = found if verbose or len(blocking) <= FEW else found[:_SHOWN]
        yield from map(_line, shown)
        if more := len(found) - len(shown):
            yield Line(True, found[0].area, "", f"{more:,} more: {kind}", _LIST)
    if verbose or len(others) <= FEW:
        yield from map(_line, others)
        return
    for kind, found in _grouped(others):
        if len(found) == 1:
            yield _line(found[0])
        else:
            yield Line(False, found[0].area, _places(found), f"{len(found):,} {kind}", _LIST)


def _line(problem: Problem) -> Line:
    return Line(problem.blocking, problem.area, problem.where, problem.what, problem.fix)


def _grouped(problems: Sequence[Problem]) -> Iterator[tuple[str, list[Problem]]]:
    """The problems by kind, in the order of the first of each."""
    groups: dict[tuple[str, str], list[Problem]] = {}
    for problem in problems:
        groups.setdefault((problem.area, _kind(problem.what)), []).append(problem)
    yield from ((kind, found) for (_, kind), found in groups.items())


def _kind(what: str) -> str:
    for pattern, told in _KINDS:
        if match := pattern.fullmatch(what):
            return told.format(**match.groupdict())
    return f"× {what}"


def _places(found: Sequence[Problem]) -> str:
    """The tables of these problems, few of them by name."""
    places = list(dict.fromkeys(p.where.partition(",")[0].removeprefix("table ") for p in found))
    if len(places) > 3:
        return f"{len(places):,} tables"
    return f"{'table' if len(places) == 1 else 'tables'} {few(places, 3)}"
