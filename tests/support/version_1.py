"""Plans and journals as version 1 of the plan had them: what it left of three runs, and how it would have written a run of today.

data/version_1/ was written by the last commit of that version: a migration from SQLite to SQLite of `kind`, a whole table, and `event`, which
is partitioned by day. Its runs are `first` (day 1, new tables), `second` and `third` (day 2: kind swapped, rows of event replaced) and
`fourth` (a repair of day 1, after somebody had changed live rows). FOLDER stands for the folder that it ran in.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from penstock.state import journal

_DATA = Path(__file__).parent / "data" / "version_1"
_MIGRATION = """name: feed
source: sqlite:///FOLDER/source.sqlite
target: sqlite:///FOLDER/target.sqlite
tables:
  event: {partition: {by: moment}}
start_date: 2024-03-01
schedule: '@daily'
"""


def restored(folder: Path) -> Path:
    """The target, the staging area and the migration file of those runs, in `folder`. Answers the file."""
    with closing(sqlite3.connect(folder / "target.sqlite")) as db:
        db.executescript(_here(folder, (_DATA / "target.sql").read_text()))
    for run, files in json.loads(_here(folder, (_DATA / "runs.json").read_text())).items():
        area = folder / "staging" / "feed" / run
        area.mkdir(parents=True)
        for name, content in files.items():
            (area / name).write_text(json.dumps(content))
    file = folder / "feed.yaml"
    file.write_text(_here(folder, _MIGRATION))
    return file


def _here(folder: Path, text: str) -> str:
    return text.replace("FOLDER", str(folder))


def plan_of_version_1(plan: dict[str, Any]) -> dict[str, Any]:
    """A plan's JSON object as version 1 would have written it."""
    old = {name: value for name, value in plan.items() if name != "version"}
    return old | {"tables": [_table(t) for t in plan["tables"]]}


def _table(table: dict[str, Any]) -> dict[str, Any]:
    scope = table["scope"]
    rows = scope["among"] if scope["type"] == "differences" else scope
    partition = rows if rows["type"] == "interval" else None
    old = {k: v for k, v in table.items() if k not in ("scope", "how")}
    renamed = {"chunks_at_target": "ranged", "longest_row": "longest", "watermark_column": "follows", "source_primary_key": "held"}
    return {renamed.get(k, k): v for k, v in old.items()} | {
        "partition": partition and {k: v for k, v in partition.items() if k not in ("type", "pending")},
        "increment": {k: v for k, v in scope.items() if k != "type"} if scope["type"] == "changes" else None,
        "repairs": scope["type"] == "differences",
        "leaving": scope.get("delete_keys"),
        "exchanges": table["how"] == "attach_partition",
        "in_place": False,
        "pending": partition and partition["pending"],
    }


def journal_of_version_1(url: sa.URL, exchanged: dict[str, dict[str, Any]]) -> None:
    """Rewrite every record of a switch as version 1 would have written it. exchanged: by source table, of its attached partition."""
    engine = sa.create_engine(url)
    table = journal.SWITCHES
    with engine.begin() as connection:
        for token, evidence in connection.execute(sa.select(table.c.token, table.c.evidence)).all():
            old = {k: v for k, v in json.loads(evidence).items() if k not in ("kinds", "notes")} | {"exchanged": exchanged}
            connection.execute(table.update().where(table.c.token == token).values(evidence=json.dumps(old)))
    engine.dispose()
