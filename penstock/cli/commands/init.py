"""init: a migration file from two databases."""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penstock.cli.commands import _options as options
from penstock.errors import MigrationError

if TYPE_CHECKING:
    import sqlalchemy as sa

    from penstock.init.draft import Decision
    from penstock.init.propose import Proposal


def add(commands: Any) -> None:
    help = "Write a migration file that passes `check`, and starter suites, from what is in two databases; change nothing in them."
    parser = options.command(commands, "init", init, help)
    parser.add_argument("source", help="URL or connection id")
    parser.add_argument("target", help="URL or connection id")
    parser.add_argument("--name", help="the migration's name (default: the source database's)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="the file to write (default: NAME.yaml)")
    parser.add_argument("--yes", action="store_true", help="take the safe choice of each decision without asking")
    parser.add_argument("--no-suites", action="store_true", help="write no starter suites")


def init(args: argparse.Namespace) -> int:
    from penstock.init.draft import Draft
    from penstock.init.propose import propose, safest
    from penstock.migration import connections
    from penstock.model.endpoints import Endpoints

    ends = Endpoints(connections.resolve(args.source), connections.resolve(args.target))
    name = args.name or _name(ends.source)
    file = args.out or Path(f"{name}.yaml")
    if file.exists():
        raise MigrationError(f"{file} exists already", where=str(file), fix=f"remove it, or write another one: --out {name}-new.yaml")
    exports: list[str] = []
    given = {
        role: _named(written, url, f"{name}_{role}", exports)
        for role, written, url in (("source", args.source, ends.source), ("target", args.target, ends.target))
    }
    head = ("Proposed by `penstock init`. Each decision has its reason above it. Lines in comments are proposals.", *_to_export(exports))
    asked = safest if args.yes or not sys.stdin.isatty() else _ask
    made = propose(Draft(name, given["source"], given["target"], head), ends, asked)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(made.draft.text(), encoding="utf-8")
    folder = file.parent / "expectations" / name
    suites = {} if args.no_suites else {folder / n: s for n, s in made.suites.items() if not (folder / n).exists()}
    for place, suite in suites.items():
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps(suite, ensure_ascii=False, indent=1, default=str) + "\n", encoding="utf-8")
    _report(made, file, folder, len(suites), exports)
    return 1 if made.unsolved else 0


def _name(source: sa.URL) -> str:
    """A name for the migration, of the source's database or file."""
    stem = Path(str(source.database or source.get_backend_name())).stem.lower()
    return re.sub(r"[^a-z0-9_-]+", "_", stem).strip("_-").lstrip("0123456789_-")[:30] or "migration"


def _named(written: str, url: sa.URL, id: str, exports: list[str]) -> str:
    """What the file calls a database: its connection id, the URL of a file, else a connection id that is still to be defined.

    exports: the connections that are still to be defined are added, without their passwords.
    """
    from penstock import databases
    from penstock.model import address

    if "://" not in written:
        return written
    if databases.of(url).embedded:
        return url.render_as_string(hide_password=False)
    exports.append(f"AIRFLOW_CONN_{id.upper()}='{address.shown(url.set(drivername=url.get_backend_name()))}'")
    return id


def _to_export(exports: list[str]) -> tuple[str, ...]:
    what = "Its connections: in Airflow under Admin > Connections, on the command line by"
    return (what, *(f"  export {e}" for e in exports)) if exports else ()


def _ask(decision: Decision) -> int:
    """The number of the choice that a person takes at the terminal; the first at the end of its input."""
    from penstock.cli.console import shown
    from penstock.init.draft import words

    place = f"table {decision.chosen.table}: " if decision.chosen.table else ""
    print(shown(f"\n{place}{decision.reason}"))
    for number, choice in enumerate(decision.choices, 1):
        print(shown(f"  {number}  {words(choice)}{' (default)' if number == 1 else ''}"))
    while True:
        try:
            answer = input(f"choice [1-{len(decision.choices)}]: ").strip() or "1"
        except EOFError:
            return 0
        if answer.isdigit() and 1 <= int(answer) <= len(decision.choices):
            return int(answer) - 1


def _report(made: Proposal, file: Path, folder: Path, suites: int, exports: list[str]) -> None:
    from penstock.cli.console import shown
    from penstock.init.draft import words
    from penstock.runtime.formatting import count, few

    out = [d.chosen.table for d in made.decided if d.chosen.exclude]
    private = sorted({d.chosen.table for d in made.decided if "sensitive" in d.chosen.fields})
    print(f"{file}: {count(len(made.found.tables), 'table')}, {count(len(made.decided), 'decision')}")
    for decision in made.decided:
        if "sensitive" not in decision.chosen.fields:
            place = f"table {decision.chosen.table}: " if decision.chosen.table else ""
            print(shown(f"  {place}{decision.reason} Decided: {words(decision.chosen)}."))
    if private:
        print(shown(f"  sensitive columns in {count(len(private), 'table')}: {few(private)}"))
    if out:
        print(shown(f"  left out: {few(out)}"))
    if suites:
        print(f"{folder}: {count(suites, 'starter suite')}, whose expectations only warn")
    for problem in made.unsolved:
        print(
            shown(f"to be solved outside of the file: {problem.where}: {problem.what}" + (f"\n  fix: {problem.fix}" if problem.fix else ""))
        )
    print("next:")
    for line in (*(f"export {e}" for e in exports), f"penstock check {file}", f"penstock run {file}"):
        print(shown(f"  {line}"))
