"""What every part of the attack has in common: tries with a seed, their outcomes, and the figures over them."""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from queue import SimpleQueue
from random import Random

from tests.fire.children import Children, children
from tests.fire.place import Servers


@dataclass(frozen=True)
class Try:
    """One try. number: which of its part; with the seed it decides all that is random.

    long: of the whole form, in which readers hold their transactions for up to 30 seconds.
    """

    number: int
    random: Random
    servers: Servers
    children: Children
    long: bool = False


@dataclass(frozen=True)
class Outcome:
    """How a try ended. pair: source and target.  caught_by: each check or fault that noticed it.  wrong: what a promise does not allow."""

    fault: str
    pair: str
    caught_by: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()


@dataclass(frozen=True)
class Attack:
    """A part of the program. tries: how many in the whole form.  short: the numbers of those in the usual test suite.

    alone: its tries measure times, so that none runs beside another.
    """

    name: str
    does: str
    tries: int
    short: tuple[int, ...]
    attempt: Callable[[Try], Outcome]
    alone: bool = False


@dataclass(frozen=True)
class Tried:
    """The figures of one fault of a part on one pair."""

    part: str
    fault: str
    pair: str
    tries: int = 0
    caught_by: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


Told = Callable[[int, Outcome], None]


def run(attack: Attack, seed: int, numbers: Iterable[int], workers: Workers, long: bool, told: Told = lambda *_: None) -> list[Tried]:
    """Make the tries with these numbers. told: called after each, in the order in which they end."""

    def one(number: int) -> Outcome:
        with workers.one() as its_children:
            made = Try(number, Random(f"{seed}/{attack.name}/{number}"), workers.servers, its_children, long)
            try:
                found = attack.attempt(made)
            except Exception as error:
                traceback.print_exc()
                found = Outcome("the program itself", "", wrong=(f"{type(error).__name__}: {error}",))
        told(number, found)
        return found

    wanted = list(numbers)
    with ThreadPoolExecutor(1 if attack.alone else workers.count) as pool:
        return figures(attack.name, seed, zip(wanted, pool.map(one, wanted), strict=True))


def figures(part: str, seed: int, outcomes: Iterable[tuple[int, Outcome]]) -> list[Tried]:
    """The outcomes of a part, counted by fault and pair."""
    found: dict[tuple[str, str], list[tuple[int, Outcome]]] = {}
    for number, outcome in outcomes:
        found.setdefault((outcome.fault, outcome.pair), []).append((number, outcome))
    return [
        Tried(
            part,
            fault,
            pair,
            len(every),
            Counter(by for _, outcome in every for by in outcome.caught_by),
            [f"seed {seed}, {part} {number}: {wrong}" for number, outcome in every for wrong in outcome.wrong],
        )
        for (fault, pair), every in sorted(found.items())
    ]


@dataclass(frozen=True)
class Workers:
    """Servers, and for each of `count` workers a process that starts runs."""

    servers: Servers
    count: int
    free: SimpleQueue[Children]

    @contextmanager
    def one(self) -> Iterator[Children]:
        """The processes of a worker that has nothing to do."""
        found = self.free.get()
        try:
            yield found
        finally:
            self.free.put(found)


@contextmanager
def workers(count: int) -> Iterator[Workers]:
    """Workers, which are gone in the end."""
    with ExitStack() as stack:
        free: SimpleQueue[Children] = SimpleQueue()
        for _ in range(count):
            free.put(stack.enter_context(children()))
        yield Workers(stack.enter_context(Servers.started()), count, free)
