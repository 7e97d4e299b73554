"""`python -m tests.fire [--seed N] [--scale F] [PART ...]`: the attack, its figures, and whether every promise held."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.fire import PARTS, docs, part
from tests.fire.attack import Attack, Outcome, Told, Tried, run, workers


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0 when every promise held, else 1."""
    asked = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that servers and processes are ended
    every: list[Tried] = []
    with workers(asked.jobs) as made:
        for attack in (part(name) for name in asked.parts or PARTS):
            began = time.monotonic()
            numbers = asked.only or range(max(1, round(attack.tries * asked.scale)))
            print(f"{attack.name}: {attack.does}, {len(numbers)} tries, seed {asked.seed}", flush=True)
            found = run(attack, asked.seed, numbers, made, asked.scale >= 1, _teller(attack, bool(asked.only)))
            print(table(found), f"{attack.name}: {time.monotonic() - began:.0f} s\n", sep="\n", flush=True)
            every += found
            if asked.json:
                Path(asked.json).write_text(
                    json.dumps({"seed": asked.seed, "tried": [vars(t) for t in every]}, indent=1, ensure_ascii=False)
                )
    if asked.write_docs:
        docs.PAGE.write_text(docs.written(docs.PAGE.read_text(), every))
    wrong = [w for t in every for w in t.wrong]
    print(f"{sum(t.tries for t in every)} tries, {len(wrong)} wrong", *wrong, sep="\n")
    return 1 if wrong else 0


def table(tried: Sequence[Tried]) -> str:
    """The figures in columns."""
    lines = [("fault", "pair", "tries", "wrong", "caught by")]
    for one in tried:
        caught = "; ".join(f"{count} × {by}" for by, count in one.caught_by.most_common())
        lines.append((one.fault, one.pair, str(one.tries), str(len(one.wrong)), caught))
    widths = [max(len(line[n]) for line in lines) for n in range(4)]
    return "\n".join("  ".join([*(cell.ljust(width) for cell, width in zip(line, widths, strict=False)), line[4]]) for line in lines)


def _teller(attack: Attack, all_of_them: bool) -> Told:
    ended: list[int] = []

    def told(number: int, outcome: Outcome) -> None:
        ended.append(number)
        if len(ended) % 25 == 0:
            print(f"  {attack.name}: {len(ended)} tries have ended", flush=True)
        if all_of_them or outcome.wrong:
            print(f"  {attack.name} {number}: {outcome}", flush=True)

    return told


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.fire", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], metavar="PART", help=f"one of {', '.join(PARTS)} (default: all)")
    parser.add_argument("--seed", type=int, default=1, help="decides all that is random (default: 1)")
    parser.add_argument("--scale", type=float, default=1.0, help="a part of the whole form, such as 0.05 (default: 1)")
    parser.add_argument("--only", type=int, nargs="+", metavar="NUMBER", help="only the tries with these numbers, with all that they find")
    parser.add_argument("--jobs", type=int, default=2, help="how many tries at a time (default: 2)")
    parser.add_argument("--json", metavar="FILE", help="write the figures into this file, too")
    parser.add_argument("--write-docs", action="store_true", help="write the tables of docs/explanation/proof.md from these figures")
    return parser


if __name__ == "__main__":
    sys.exit(main())
