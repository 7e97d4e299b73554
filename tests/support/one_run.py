"""One run of a migration between two databases, declared in a line."""

from __future__ import annotations

import json
from pathlib import Path

import sqlalchemy as sa

from penstock.migration.loader import load
from tests.support.requests import ran


def moved(folder: Path, source: sa.URL, target: sa.URL, name: str, run_id: str, tables: dict[str, object]) -> None:
    """Run the migration `name` of these `tables`, as its file would declare them. Files are kept in `folder`."""
    addresses = {end: url.render_as_string(hide_password=False) for end, url in (("source", source), ("target", target))}
    file = folder / f"{name}.yaml"
    file.write_text(json.dumps({"name": name, **addresses, "tables": tables}))
    ran(load(file), run_id, str(folder / "staging"), source, target, folder / "expectations")
