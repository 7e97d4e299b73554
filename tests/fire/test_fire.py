"""A few tries of each part of the attack, with a fixed seed. `make fire` makes all."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fire import PARTS, docs, faults, part
from tests.fire.attack import Outcome, Workers, figures, run, workers
from tests.support.servers.mariadb import missing
from tools.postgresql_server import Missing


@pytest.fixture(scope="module")
def some() -> Iterator[Workers]:
    try:
        with workers(2) as made:
            yield made
    except Missing as error:
        missing(str(error))


@pytest.mark.parametrize("name", PARTS)
def test_a_few_tries_of_a_part_break_no_promise(name: str, some: Workers) -> None:
    attack = part(name)
    tried = run(attack, 1, attack.short, some, long=False)
    assert not [wrong for one in tried for wrong in one.wrong]
    assert sum(one.tries for one in tried) == len(attack.short)


def test_the_page_about_the_proof_lists_every_fault() -> None:
    page = docs.PAGE.read_text()
    assert [name for name in faults.every() if f"| {name} |" not in page] == []
    assert "not tried" not in page


def test_figures_count_outcomes_by_fault_and_pair() -> None:
    one, other = Outcome("f", "a→b", ("load: StagingDamaged",)), Outcome("f", "a→b", ("nothing",), ("it is live",))
    (found,) = figures("faults", 7, [(0, one), (3, other)])
    assert (found.tries, found.caught_by, found.wrong) == (2, {"load: StagingDamaged": 1, "nothing": 1}, ["seed 7, faults 3: it is live"])
    assert "| not tried |" in docs.table([]) and "**nothing**" in docs.table(
        [found.__class__("faults", faults.every()[0], "a→b", 1, found.caught_by, [])]
    )
