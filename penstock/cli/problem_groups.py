"""Problems as a screen has room for them: those of one kind as one line with their number, when there are many."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from penstock.errors import Problem
from penstock.runtime.formatting import few

FEW = 12
"""So many problems are shown one by one."""
_SHOWN = 5  # of blocking problems of one kind
_LIST = "list: --verbose"

_REASONS = 3  # a kind with more different reasons is told without them


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
    reasons: dict[tuple[str, str], set[str]] = {}
    for problem in problems:
        if problem.kind:
            reasons.setdefault((problem.area, problem.kind.called), set()).add(problem.kind.why)
    groups: dict[tuple[str, str], list[Problem]] = {}
    for problem in problems:
        told = f"× {problem.what}"
        if problem.kind:
            few_reasons = len(reasons[problem.area, problem.kind.called]) <= _REASONS
            told = f"{problem.kind.called}: {problem.kind.why}" if problem.kind.why and few_reasons else problem.kind.called
        groups.setdefault((problem.area, told), []).append(problem)
    yield from ((kind, found) for (_, kind), found in groups.items())


def _places(found: Sequence[Problem]) -> str:
    """The tables of these problems, few of them by name."""
    places = list(dict.fromkeys(p.where.partition(",")[0].removeprefix("table ") for p in found))
    if len(places) > 3:
        return f"{len(places):,} tables"
    return f"{'table' if len(places) == 1 else 'tables'} {few(places, 3)}"
