"""Stale writers: a run is paused, the source changes, another process takes the run over, and the first one goes on.

Nothing that the first one does afterwards may be seen: not in the target, and not in what the other run is judged by.
"""

from __future__ import annotations

import signal
from dataclasses import replace

from tests.fire.attack import Attack, Outcome, Try
from tests.fire.children import Ended, Job
from tests.fire.place import MOMENTS, Place, change, everything, generations, place, rows, shadows

TARGETS = ("postgresql", "mariadb", "sqlite", "duckdb")
_LATE = ("LeaseLost", "LeaseHeld")
_BEFORE = ("LeaseHeld", "ConnectionFailed")
"""With these a process is refused that could not begin: another one works, or has the file of the target open."""


def attempt(this: Try) -> Outcome:
    """Pause a run at a random event, let another process do the same, and let the first one go on."""
    random = this.random
    target, stage = TARGETS[this.number % len(TARGETS)], random.choice(list(MOMENTS))
    event, times = random.choice(MOMENTS[stage])
    by_stages, another = random.random() < 0.4, random.random() < 0.4
    s3 = this.number // len(TARGETS) % 2 == 1
    with place(this.servers, "sqlite", target, s3=s3) as where:
        first = Job(where.command("A"), where.out("first"), event, random.randint(1, times), signal.SIGSTOP, by_stages)
        second = Job(where.command("B" if another else "A"), where.out("second"), by_stages=by_stages and random.random() < 0.5)
        caught, wrong = _tried(this, where, first, second)
    how = f"at {first.event} {first.times}{', by stages' if by_stages else ''}{', then a new run' if another else ''}"
    return Outcome(
        f"a paused writer{', staging on S3' if s3 else ''}, in {stage}",
        f"sqlite→{target}",
        tuple(caught),
        tuple(f"{how}: {w}" for w in wrong),
    )


def _tried(this: Try, where: Place, first: Job, second: Job) -> tuple[list[str], list[str]]:
    wrong: list[str] = []
    pid = this.children.start(first)
    paused = this.children.wait(pid, first)
    if not paused.stopped:
        return [], [f"it did not come to its event: {_words(paused)}"]
    change(where, 1)
    other = this.children.run(second)
    overtaken = other.code == 0
    before = everything(where.target) if overtaken else {}
    this.children.resume(pid)
    ended = this.children.wait(pid, first)
    caught = [f"the second process: {other.fault}; the first: {ended.fault}"]
    if overtaken:
        wrong += _of_the_late(where, ended, before, second)
    else:
        wrong += _of_the_refused(this, where, ended, other, second)
    live = rows(where.target)
    if len(generations(live)) != 1:
        wrong.append(f"the live rows are of the readings {generations(live)}")
    change(where, 2)
    last = this.children.run(Job(where.command("C"), where.out("last")))
    if last.code or rows(where.target) != rows(where.source):
        wrong.append(f"the next run does not end with the source's rows: {_words(last)}")
    if left := shadows(where.target):
        wrong.append(f"shadow tables are left: {left}")
    return caught, wrong


def _of_the_late(where: Place, ended: Ended, before: dict[str, list[str]], second: Job) -> list[str]:
    """What is wrong with a first process that another one has overtaken."""
    wrong = []
    if ended.code == 8 and ended.fault not in _LATE:
        wrong.append(f"the words of the one that is late are not those of a lost lease: {_words(ended)}")
    outdated = ended.code == 4 and "is live now" in ended.told  # it was planned before the other run, and had loaded nothing
    if ended.code not in (0, 6, 7, 8) and not outdated:
        wrong.append(f"the one that is late ends otherwise: {_words(ended)}")
    after = everything(where.target)
    if outdated:  # a run of its own, whose lease nobody has: its own evidence is added, and no other row is changed
        after = {
            name: [r for r in found if not (name.rpartition(".")[2].startswith("penstock_") and r not in before.get(name, []))]
            for name, found in after.items()
        }
    if (ended.code in (6, 8) or outdated) and (written := _differences(before, after)):
        wrong.append(f"the one that is late has written: {written}")
    run = second.command[3]
    staged = where.staged(run)
    report = staged.read_json("report.json")
    if report["outcome"] != "switched":
        wrong.append(f"the report of the other says {report['outcome']!r}")
    if staged.exists("failure.json"):
        wrong.append(f"a failure is written down for the other: {staged.read_text('failure.json')[:300]}")
    return wrong


def _of_the_refused(this: Try, where: Place, ended: Ended, other: Ended, second: Job) -> list[str]:
    """What is wrong where the second process did not end well: it was refused in words, and ends well later.

    Where it had not taken the run over, the first one goes on to its end.
    """
    wrong = []
    if other.hangs or "Traceback" in other.told or "unexpected error" in other.told:
        wrong.append(f"the second process is not refused in words: {_words(other)}")
    if ended.code != 0 and (other.fault in _BEFORE or ended.fault not in _LATE):
        wrong.append(f"the first does not end well though the second was refused: {_words(ended)}")
    again = this.children.run(replace(second, out=where.out("again")))
    if again.code == 4 and "is live now" in again.told:  # the first has switched since; the further run of the attack is a new one
        return wrong
    if again.code not in (0, 6):
        wrong.append(f"the second command does not end well later: {_words(again)}")
    return wrong


def _differences(one: dict[str, list[str]], other: dict[str, list[str]]) -> str:
    """What differs between two states of a target, shortly."""
    return "; ".join(
        f"{name}: -{[r for r in one.get(name, []) if r not in other.get(name, [])][:2]} +{[r for r in other.get(name, []) if r not in one.get(name, [])][:2]}"
        for name in sorted(one.keys() | other.keys())
        if one.get(name) != other.get(name)
    )[:600]


def _words(ended: Ended) -> str:
    told = " / ".join(line.strip() for line in ended.told.strip().splitlines()[-6:])
    return f"exit {ended.code}{', hangs' if ended.hangs else ''}: {told[-500:]}"


ATTACK = Attack("stale", "a run is paused, overtaken and resumed", 200, (0, 1, 6), attempt)
