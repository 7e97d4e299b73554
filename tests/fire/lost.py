"""Servers that are cut off or go silent at any stage: the fault is named, trying again can help, and the same command ends well."""

from __future__ import annotations

import json
from dataclasses import replace
from signal import SIGSTOP

import sqlalchemy as sa

from tests.fire.attack import Attack, Outcome, Try
from tests.fire.children import Ended, Job
from tests.fire.place import MOMENTS, Place, place, rows, shadows, write
from tests.scenarios.test_lost_servers import lost
from tests.support.proxy import proxied

_SERVERS = ("postgresql", "mariadb")
_KINDS = (*_SERVERS, "sqlite", "duckdb")
PAIRS = tuple((source, target) for source in _KINDS for target in _KINDS if {source, target} & {*_SERVERS})
_NOTICED = "keepalives_idle=1&keepalives_interval=1&keepalives_count=2&tcp_user_timeout=2000"
"""Of a URL: a silent server is noticed within seconds, not minutes."""


def attempt(this: Try) -> Outcome:
    """Cut off one end of a run at a random event, then let the same command end well."""
    source, target = PAIRS[this.number % len(PAIRS)]
    stage = list(MOMENTS)[this.number // len(PAIRS) % len(MOMENTS)]
    event, times = this.random.choice(MOMENTS[stage])
    end = this.random.choice([e for e, kind in (("source", source), ("target", target)) if kind in _SERVERS])
    silent = this.random.random() < 0.25
    with place(this.servers, source, target) as where:
        server = where.source if end == "source" else where.target
        assert server.host and server.port
        with proxied(server.host, server.port) as proxy:
            write(replace(where, **{end: _through(server, proxy.port)}))
            job = Job(where.command("A"), where.out("first"), event, this.random.randint(1, times), SIGSTOP)
            pid = this.children.start(job)
            ended = this.children.wait(pid, job)
            if ended.stopped:
                (proxy.freeze if silent else proxy.cut)()
                this.children.resume(pid)
                ended = this.children.wait(pid, job)
            proxy.mend()
            wrong = _wrong(where, ended, end)
            again = this.children.run(Job(where.command("A"), where.out("again")))
            if again.code:
                wrong.append(f"the same command does not end well: {again.told[-400:]}")
        if rows(where.target) != rows(where.source) or shadows(where.target):
            wrong.append(f"what is live is not the source's, or a shadow is left: {shadows(where.target)}")
    how = "goes silent" if silent else "is cut off"
    return Outcome(f"the {end} {how}, in {stage}", f"{source}→{target}", (ended.fault,), tuple(f"at {event}: {w}" for w in wrong))


def _through(url: sa.URL, port: int) -> sa.URL:
    return url.set(port=port).update_query_string(_NOTICED)


def _wrong(where: Place, ended: Ended, end: str) -> list[str]:
    if ended.code == 0:
        return []
    if ended.code != 5 or not lost(ended.told, end):
        return [f"the lost {end} is not named: exit {ended.code}{', hangs' if ended.hangs else ''} {ended.told[-400:]}"]
    file = where.root / "fire" / "A" / "failure.json"
    if file.exists() and not json.loads(file.read_text())["retryable"]:
        return ["the failure is not retryable"]
    return []


ATTACK = Attack("lost", "a server is cut off or goes silent", 96, (8,), attempt)
