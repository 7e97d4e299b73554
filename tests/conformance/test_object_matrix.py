"""Each source × target × part of a table: carried, adapted, or lost and reported. Both sides are looked at by their plain drivers."""

from __future__ import annotations

import json
from contextlib import suppress
from itertools import product
from pathlib import Path

import pytest
import sqlalchemy as sa

from penstock.migration.loader import load
from penstock.stages import plan
from tests.support import objects_page
from tests.support.data.object_cases import CASES, DATABASES, NUMBERS, Case
from tests.support.data.plain_values import Make, Plain, make
from tests.support.one_run import moved
from tests.support.requests import request

__all__ = ["make"]  # a fixture
PAIRS = list(product(DATABASES, DATABASES))


@pytest.fixture(scope="module")
def sources(make: Make) -> dict[str, sa.URL]:
    """A database of each kind with a table for each part."""
    urls = {}
    for database, cases in CASES.items():
        urls[database] = make(database, f"parts_of_{database}")
        with Plain(urls[database]) as plain:
            for case in cases:
                for statement in (*case.make, *([f"INSERT INTO {case.table} VALUES {case.rows}"] if case.rows else [])):
                    plain.run(statement)
                if case.property not in NUMBERS:  # looking would take a number
                    assert holds(plain, case), f"{case.part} of {database} can't be seen"
    return urls


def holds(plain: Plain, case: Case) -> bool:
    """Whether the part is there. Leaves no row behind."""
    if plain.name == "sqlite":
        plain.run("PRAGMA foreign_keys = ON")
    if case.counted:
        return bool(plain.run(case.counted[plain.name])[0][0])
    plain.run("BEGIN")
    try:
        if case.refused:
            try:
                plain.run(case.refused)
            except Exception:  # each driver has its own
                return True
            return False
        assert case.gives is not None
        statements, query, answer = case.gives
        with suppress(Exception):
            for statement in statements:
                plain.run(statement)
            return [row[0] for row in plain.run(query)] == [answer]
        return False
    finally:
        plain.run("ROLLBACK")


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_every_part_is_carried_or_adapted_or_lost_and_reported(
    source: str, target: str, sources: dict[str, sa.URL], make: Make, tmp_path: Path
) -> None:
    place = make(target, f"parts_{source}_to_{target}")
    (tmp_path / "m.yaml").write_text("name: m\nsource: a\ntarget: b\n")
    found = plan.preflight(request(load(tmp_path / "m.yaml"), "r", "", sources[source], place, tmp_path / "none"))
    assert not found.blocking, found.blocking
    lines = {(p.where, p.what) for p in found.problems}
    moved(tmp_path, sources[source], place, "parts", "r", {})
    report = json.loads((tmp_path / "staging" / "parts" / "r" / "report.json").read_text())
    assert report["schema"]["proved"] is True and report["schema"]["unannounced"] == []
    with Plain(place) as plain:
        for case in CASES[source]:
            differences = objects_page.of(case, found.schema.differences)
            for lost in (d for d in differences if d.result == "lost" and d.warned):
                assert (f"table {lost.table}", str(lost)) in lines
            there, said = holds(plain, case), objects_page.result(differences)
            if said in ("carried", "lost"):
                assert there == (said == "carried"), f"{case.part} from {source} to {target} is {said}: {differences}"
            assert objects_page.stated(case, source, target) == said, f"{case.part}: run python -m tests.support.objects_page"


def test_every_loss_has_a_line(sources: dict[str, sa.URL], make: Make, tmp_path: Path) -> None:
    """A loss without a line of its own is named in that of another one of the same kind."""
    (tmp_path / "m.yaml").write_text("name: m\nsource: a\ntarget: b\n")
    for source, target in PAIRS:
        place = make(target, f"said_{source}_to_{target}")
        found = plan.preflight(request(load(tmp_path / "m.yaml"), "r", "", sources[source], place, tmp_path / "none"))
        for lost in (d for d in found.schema.differences if d.result == "lost" and not d.warned):
            assert any(lost.name in p.what for p in found.problems if p.where == f"table {lost.table}"), lost
