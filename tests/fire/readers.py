"""Readers during switches and undos: eight of them read tables, a view, joins and transactions, and none may meet an error or a mix."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from random import Random

import sqlalchemy as sa

from penstock import databases
from tests.fire.attack import Attack, Outcome, Try
from tests.fire.children import Job
from tests.fire.place import Place, change, connected, place, rows
from tests.scenarios.test_readers import reading
from tests.support.beside import beside
from tests.support.data.shop import Shop

TARGETS = ("postgresql", "mariadb", "sqlite")
"""DuckDB lets no other process read a file that one has open for writing."""
_PATIENT = 3.0
"""Seconds that a reader may wait at most, on a machine that has other things to do; else it is half a second."""
_AGAIN = 6
_LONG = 0.1
"""The share of transactions that are held for up to the longest time. A switch waits until nobody holds one."""
_READERS = (
    ("SELECT count(*) FROM lived WHERE of_street <> of_house",),
    ("SELECT count(*) FROM lived WHERE of_street <> of_house",),
    ("SELECT count(*) FROM house h JOIN street s ON s.id = h.street WHERE h.gen <> s.gen",),
    ("SELECT count(DISTINCT gen) - 1 FROM (SELECT gen FROM log UNION ALL SELECT gen FROM street UNION ALL SELECT gen FROM house) g",),
    ("SELECT count(DISTINCT gen) - 1 FROM house", "SELECT count(DISTINCT gen) - 1 FROM street"),
    ("SELECT count(*) - 320 FROM house", "SELECT count(*) - 120 FROM log", "SELECT count(*) - 40 FROM street"),
)
"""Transactions of queries that answer 0 where nothing is mixed, missing or doubled."""


@dataclass
class Transactions:
    """What readers have met who hold a transaction for long, and read one table at its begin and the others at its end."""

    done: int = 0
    mixes: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def attempt(this: Try) -> Outcome:
    """Switch and undo a few times under eight readers."""
    target, times = TARGETS[this.number % len(TARGETS)], 5 if this.long else 1
    with place(this.servers, "sqlite", target) as where:
        wrong = _run(this, where, "r")
        with connected(where.target) as connection:
            view = "CREATE VIEW lived AS SELECT s.gen AS of_street, h.gen AS of_house FROM house h JOIN street s ON s.id = h.street"
            databases.execute(connection, view)
            connection.commit()
        town = Shop(where.folder, where.source, where.target)
        with reading(town, *_READERS) as met, _holding(where, this.random, 30.0 if this.long else 2.0) as held:
            for number in range(times):
                change(where, number + 1)
                wrong += _run(this, where, f"r{number}")
                wrong += _undo(this, where)
        wrong += [f"an error: {e}" for e in dict.fromkeys(met.errors + held.errors)] + held.mixes
        if met.counts != {0}:
            wrong.append(f"a mix, or rows that are missing: {sorted(met.counts)}")
        if met.longest > _PATIENT:
            wrong.append(f"a reader waited for {met.longest:.1f} s")
        change(where, 99)
        wrong += _run(this, where, "last")
        if rows(where.target) != rows(where.source):
            wrong.append("the last run's rows are not the source's")
    waited = next(f"the longest wait was under {limit} s" for limit in (0.5, 1, 2, 3, 10, 60, 600) if met.longest < limit)
    seen = f"{met.reads // 1000 * 1000}+ reads" if met.reads >= 1000 else f"{met.reads // 100 * 100}+ reads"
    return Outcome(f"{times} switches and {times} undos under readers", f"sqlite→{target}", (waited, seen), tuple(wrong))


def _run(this: Try, where: Place, run: str) -> list[str]:
    return _until_done(this, Job(where.command(run), where.out(run)))


def _undo(this: Try, where: Place) -> list[str]:
    return _until_done(this, Job(("undo", str(where.file), "--staging", str(where.root)), where.out("undo")))


def _until_done(this: Try, job: Job) -> list[str]:
    """Give a command, again where it was refused a lock in time."""
    for _ in range(_AGAIN):
        ended = this.children.run(replace(job))
        if ended.code == 0:
            return []
        if ended.fault != "LockRefused":
            break
    return [f"{job.command[0]} ends with {ended.code}: {ended.told[-400:]}"]


@contextmanager
def _holding(where: Place, random: Random, longest: float) -> Iterator[Transactions]:
    """Two readers that hold transactions for up to `longest` seconds."""
    met, over = Transactions(), threading.Event()

    def hold(seed: float) -> None:
        own = Random(seed)
        while not over.is_set():
            try:
                with connected(where.target) as connection:
                    first = connection.execute(sa.text("SELECT min(gen) FROM street")).scalar_one()
                    over.wait(own.uniform(0, longest) if own.random() < _LONG else own.choice((0.05, 0.3)))
                    for table in ("log", "house"):
                        then = connection.execute(sa.text(f"SELECT max(gen) FROM {table}")).scalar_one()
                        if then != first:
                            met.mixes.append(f"a transaction read {first} of street and {then} of {table}")
                    met.done += 1
            except sa.exc.DBAPIError as error:
                met.errors.append(str(error.orig))
            time.sleep(0.2)

    with beside(over, [partial(hold, random.random()) for _ in range(2)]):
        yield met


ATTACK = Attack("readers", "eight readers during switches and undos", 30, (0,), attempt, alone=True)
