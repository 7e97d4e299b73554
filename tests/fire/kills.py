"""Kills and pauses: a run is interrupted at random moments, and the same command is given until it ends well.

The end must be what it is without an interruption: the source's rows, none lost or doubled, and no shadow table left.
"""

from __future__ import annotations

import os
import signal
import time

from tests.fire.attack import Attack, Outcome, Try
from tests.fire.children import Ended, Job
from tests.fire.place import MOMENTS, Place, place, rows, shadows

PAIRS = (("sqlite", "duckdb"), ("sqlite", "postgresql"), ("postgresql", "mariadb"), ("mariadb", "postgresql"))
_AGAIN = 5
"""How often a command may have to be given."""


def attempt(this: Try) -> Outcome:
    """Interrupt a run once or twice, then let it end."""
    source, target = PAIRS[this.number % len(PAIRS)]
    stage = this.random.choice([*MOMENTS, "any stage"])
    with place(this.servers, source, target) as where:
        caught, wrong = _tried(this, where, stage)
    return Outcome(f"a kill or a pause, in {stage}", f"{source}→{target}", tuple(caught), tuple(wrong))


def _tried(this: Try, where: Place, stage: str) -> tuple[list[str], list[str]]:
    caught: list[str] = []
    wrong: list[str] = []
    for _ in range(this.random.choice((1, 1, 2))):
        how, ended = _interrupted(this, where, stage)
        caught.append(f"{how}: {ended.fault}")
        if ended.code not in (0, -signal.SIGKILL):
            wrong.append(f"after {how}: {_said(ended)}")
    for _ in range(_AGAIN):
        ended = this.children.run(Job(where.command("A"), where.out("again")))
        if ended.code == 0:
            break
        caught.append(f"the same command: {ended.fault}")
    if ended.code:
        wrong.append(f"the same command does not end well: {_said(ended)}")
    if rows(where.target) != rows(where.source):
        wrong.append("the rows that are live are not the source's")
    if left := shadows(where.target):
        wrong.append(f"shadow tables are left: {left}")
    return caught, wrong


def _interrupted(this: Try, where: Place, stage: str) -> tuple[str, Ended]:
    """A run that is killed, or paused and resumed, at an event or, in any stage, after a random time."""
    paused = this.random.random() < 0.3
    number = signal.SIGSTOP if paused else signal.SIGKILL
    if stage == "any stage":
        job = Job(where.command("A"), where.out("first"))
        pid = this.children.start(job)
        time.sleep(this.random.uniform(0.05, 3))
        os.kill(pid, number)  # a process that has ended stays until it is waited for
        how = "a random time"
    else:
        event, times = this.random.choice(MOMENTS[stage])
        job = Job(where.command("A"), where.out("first"), event, this.random.randint(1, times), number)
        pid = this.children.start(job)
        how = event
    ended = this.children.wait(pid, job)
    if ended.stopped:
        time.sleep(this.random.uniform(0, 0.5))
        this.children.resume(pid)
        ended = this.children.wait(pid, job)
    return f"{'a pause' if paused else 'a kill'} at {how}", ended


def _said(ended: Ended) -> str:
    return f"exit {ended.code}{', hangs' if ended.hangs else ''}: {ended.told.strip()[-400:]}"


ATTACK = Attack("kills", "a run is killed or paused at random, and run again", 500, (0, 1), attempt)
