"""Somebody changes the catalogue of a shadow between build and proof. The schema proof must say table, object and property."""

from __future__ import annotations

import json
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from penstock.errors import GateClosed
from penstock.migration.loader import load
from penstock.model import pipeline
from penstock.model.schema import TableName
from penstock.model.schema_facts import named_alike
from penstock.planning import built_schema, schema_proof
from penstock.run import perform, planned
from penstock.state import lease
from penstock.state.run_context import RunContext
from tests.fire.attack import Attack, Outcome, Try
from tests.fire.place import Servers
from tests.support.data.changed_schema import SCHEMAS
from tests.support.data.plain_values import Plain
from tests.support.requests import request
from tests.support.schema_changes import SchemaChange, changes, rebuilt, statements

TARGETS = tuple(SCHEMAS)
UNCHANGED = "nothing: the same tables made again"


def attempt(one: Try) -> Outcome:
    """One run, and one change to one of its shadows. Every tenth try changes nothing: then the proof must hold."""
    kind = TARGETS[one.number % len(TARGETS)]
    with built(one.servers, kind) as (context, url):
        database = context.target
        with database.engine(url).connect() as connection:
            read = schema_proof.read(database, connection, [t.shadow for t in context.plan.tables])
        tables = context.plan.tables
        names = {t.shadow: t.name for t in tables}
        shadows = {t.shadow: named_alike(built_schema.shadow(t, tables, database), read[t.shadow]) for t in tables}
        if one.number // len(TARGETS) % 5 == 4 and kind in ("sqlite", "duckdb"):
            place = one.random.choice(sorted(shadows, key=str))
            change = SchemaChange(UNCHANGED, "", shadows[place])
            texts = rebuilt(shadows[place], shadows[place], database)
        else:
            possible = [(p, c, s) for p, t in shadows.items() for c in changes(t) if (s := statements(c, t, database))]
            place, change, texts = _chosen(possible, one)
        apply(url, texts, place)
        try:
            with lease.held(context, lease.WHOLE_RUN, "penstock run") as held:
                perform(held, next(s for s in pipeline.PIPELINE if s.name == "prove"))
            lines: list[str] = []
        except GateClosed as closed:
            lines = list(closed.failed)
    wanted = f"{names[place]}: {change.said}"
    # DuckDB has no names for unique constraints: another one is a constraint that is missing, and one that was added
    missing = f"{names[place]}: {change.said.rpartition(' of ')[2]} is missing"
    caught = any(line.startswith((wanted, missing)) for line in lines)
    if change.kind == UNCHANGED:
        real = [line for line in lines if "definition" not in line]
        return Outcome(UNCHANGED, kind, ("nothing",), tuple(f"the proof does not hold: {line}" for line in real))
    wrong = () if caught else (f"{wanted} is not said after {texts}: {lines}",)
    return Outcome(change.kind, kind, ("schema proof",) if caught else ("nothing",), wrong)


def _chosen(possible: list[tuple[TableName, SchemaChange, list[str]]], one: Try) -> tuple[TableName, SchemaChange, list[str]]:
    """A kind of change first, so that rare kinds are tried as well."""
    kind = one.random.choice(sorted({c.kind for _, c, _ in possible}))
    return one.random.choice([p for p in possible if p[1].kind == kind])


def apply(url: sa.URL, texts: list[str], place: TableName) -> None:
    """Run statements by the plain driver."""
    with Plain(url) as plain:
        schema = f"{plain.quote(place.schema)}." if place.schema else ""
        for text in texts:
            plain.run(text.replace("{s}", schema))


@contextmanager
def built(servers: Servers, kind: str) -> Iterator[tuple[RunContext, sa.URL]]:
    """A run from one database to another of its kind, up to the stage `build`, and the URL of its target."""
    token = secrets.token_hex(4)
    with tempfile.TemporaryDirectory() as folder:
        source, target = (_made(servers, kind, f"{end}_{token}", folder) for end in ("s", "t"))
        with Plain(source) as plain:
            for statement in SCHEMAS[kind]:
                plain.run(statement)
        try:
            yield _built(source, target, Path(folder)), target
        finally:
            for url in (source, target):
                _dropped(servers, kind, url)


def _built(source: sa.URL, target: sa.URL, folder: Path) -> RunContext:
    file = folder / "m.yaml"
    file.write_text(json.dumps({"name": "changed", "source": "a", "target": "b"}))
    context = planned(request(load(file), "r", str(folder / "staging"), source, target, folder / "none"))
    with lease.held(context, lease.WHOLE_RUN, "penstock run") as held:
        for stage in pipeline.of(context.plan, pipeline.MOVE):
            if not stage.gate:
                perform(held, stage)
    return context


def _made(servers: Servers, kind: str, name: str, folder: str) -> sa.URL:
    if kind in ("sqlite", "duckdb"):
        return sa.make_url(f"{kind}:///{folder}/{name}.db")
    url = _server(servers, kind)
    with Plain(url) as server:
        server.run(f"CREATE DATABASE {name}" + (" CHARACTER SET utf8mb4" if kind == "mysql" else ""))
    return url.set(database=name)


def _dropped(servers: Servers, kind: str, url: sa.URL) -> None:
    if kind in ("postgresql", "mysql"):
        with Plain(_server(servers, kind)) as server:
            server.run(f"DROP DATABASE {url.database}" + (" WITH (FORCE)" if kind == "postgresql" else ""))


def _server(servers: Servers, kind: str) -> sa.URL:
    return servers.postgresql.set(database="postgres") if kind == "postgresql" else servers.mariadb.set(database="mysql")


# a tenth of them changes nothing: more than 200 are changes
ATTACK = Attack("schemas", "an object of a shadow is changed between build and proof", 224, tuple(range(8)), attempt)
