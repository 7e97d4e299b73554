"""Planted passwords: in every place that may hold one, looked for in all that a run, its faults and its words leave."""

from __future__ import annotations

import json
from pathlib import Path

from tests.fire.attack import Attack, Outcome, Try
from tests.fire.children import Job
from tests.fire.place import place
from tests.scenarios.test_secrets import CONNECTIONS, UNREACHABLE, searched

PLACES = (*(("a URL", name) for name in UNREACHABLE), *(("a connection", name) for name in CONNECTIONS))


def attempt(this: Try) -> Outcome:
    """Plant a password in one place, give the commands that read it, and search."""
    kind, name = PLACES[this.number % len(PLACES)]
    with place(this.servers, "sqlite", "duckdb") as where:
        folder = where.folder / "planted"
        folder.mkdir()
        file = folder / "planted.yaml"
        source = UNREACHABLE[name] if kind == "a URL" else "planted_db"
        file.write_text(json.dumps({"name": "planted", "source": source, "target": f"duckdb:///{folder}/t.duckdb"}))
        env = {} if kind == "a URL" else {"AIRFLOW_CONN_PLANTED_DB": CONNECTIONS[name]}
        found: list[str] = []
        for command in (("run", str(file), "--staging", str(folder / "staging")), ("check", str(file)), ("plan", str(file))):
            ended = this.children.run(Job(command, where.out(command[0]), env=env))
            found += [f"{command[0]}: {place}" for place in searched(folder, ended.told, but=file if kind == "a URL" else Path())]
    return Outcome(f"a password in {kind}: {name}", "→duckdb", ("found nowhere",) if not found else (), tuple(found))


ATTACK = Attack("planted", "passwords are planted and searched for", len(PLACES), (8,), attempt)
