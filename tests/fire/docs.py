"""The table of docs/explanation/proof.md: which fault is caught by what, and what nothing catches.

python -m tests.fire --json FIGURES.json; python -m tests.fire.docs FIGURES.json...
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.fire import faults
from tests.fire.attack import Tried
from tests.support.repository import REPO

PAGE = REPO / "docs" / "explanation" / "proof.md"
_BEGIN, _END = "<!-- fire: begin -->\n", "<!-- fire: end -->\n"
_OTHERS = {
    "stale": "a run is paused, another process takes it over, the first one goes on",
    "kills": "a run is killed or paused, and the same command is given again",
    "readers": "eight readers during switches and undos",
    "lost": "a server is cut off or goes silent",
    "disk": "the disk of the staging area or of the target is full",
    "planted": "a password is planted in a URL or a connection",
    "schemas": "an object of a shadow is changed between the build and the proof",
}
_NAMES = {"postgresql": "PostgreSQL", "mariadb": "MariaDB", "sqlite": "SQLite", "duckdb": "DuckDB"}


def read(files: Iterable[Path]) -> list[Tried]:
    """The figures of these files."""
    return [Tried(**{**one, "caught_by": Counter(one["caught_by"])}) for file in files for one in json.loads(file.read_text())["tried"]]


def written(page: str, tried: Sequence[Tried]) -> str:
    """The page with the table of these figures."""
    before, _, rest = page.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}\n{table(tried)}\n{nothing(tried)}\n{others(tried)}\n{_END}{after}"


def table(tried: Sequence[Tried]) -> str:
    """A line for each fault of the part `faults`, whether it was tried or not."""
    lines = ["| fault | caught by | tries |", "| --- | --- | --- |"]
    for name in faults.every():
        found = [t for t in tried if t.part == "faults" and t.fault == name]
        by: dict[str, set[str]] = {}
        for one in found:
            for caught in one.caught_by:
                by.setdefault(_plain(caught), set()).add(_NAMES.get(one.pair.rpartition("→")[2], one.pair))
        told = "; ".join(f"{caught}{_where(on, found)}" for caught, on in sorted(by.items()))
        lines.append(f"| {name} | {told or 'not tried'} | {sum(t.tries for t in found)} |")
    return "\n".join(lines) + "\n"


def others(tried: Sequence[Tried]) -> str:
    """A line for each of the other parts."""
    lines = ["| attack | tries | promises broken |", "| --- | --- | --- |"]
    for name, does in _OTHERS.items():
        found = [t for t in tried if t.part == name]
        lines.append(f"| {does} | {sum(t.tries for t in found)} | {sum(len(t.wrong) for t in found)} |")
    return "\n".join(lines) + "\n"


def nothing(tried: Sequence[Tried]) -> str:
    """The faults that nothing has caught, in words."""
    found = [n for n in faults.every() if any(t.part == "faults" and t.fault == n and faults.NOTHING in t.caught_by for t in tried)]
    return "Nothing catches:\n\n" + "\n".join(f"- {name}" for name in found) + "\n" if found else "Every fault was caught.\n"


def _plain(caught: str) -> str:
    if caught == faults.NOTHING:
        return "**nothing**"
    if caught.startswith("the target"):
        return "the target refuses it while the run works"
    stage, _, fault = caught.partition(": ")
    return f"{stage} (`{fault}`)" if fault.isidentifier() else caught


def _where(on: set[str], found: Sequence[Tried]) -> str:
    """On which targets, where it is not on all that were tried."""
    every = {_NAMES.get(t.pair.rpartition("→")[2], t.pair) for t in found}
    return "" if on == every else f" on {', '.join(sorted(on))}"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(), read(map(Path, sys.argv[1:]))))
