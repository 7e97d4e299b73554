"""What commands have in common: options, and the request that the arguments make."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penstock.errors import MigrationError

if TYPE_CHECKING:
    from penstock.migration.spec import Migration
    from penstock.model.intervals import Interval
    from penstock.planning.request import RunRequest
    from penstock.state.run_context import RunContext
    from penstock.state.staging import Staging


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _bytes(text: str) -> int:
    from penstock.migration.spec import parse_bytes

    try:
        return parse_bytes(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def duration(text: str) -> float:
    """A time span such as 15m, in seconds."""
    from penstock.migration.spec import parse_duration

    try:
        return parse_duration(text).total_seconds()
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _parent() -> argparse.ArgumentParser:
    return argparse.ArgumentParser(add_help=False)


FILE = _parent()
FILE.add_argument("migration", type=Path, help="the migration file")
ENDPOINTS = _parent()
ENDPOINTS.add_argument("--source", help="URL or connection id (default: the file's)")
ENDPOINTS.add_argument("--target", help="URL or connection id (default: the file's)")
ENDPOINTS.add_argument("--project", type=Path, help="the folder that `checks` is relative to (default: the nearest above the file)")
STAGING = _parent()
STAGING.add_argument("--staging", help="URL or path of the staging area (default: the file's, else ./staging)")
LIMITS = _parent()
LIMITS.add_argument("--tables", type=_names, default=(), metavar="A,B", help="move only these source tables")
LIMITS.add_argument("--chunk", type=_bytes, metavar="SIZE", help="bytes of a chunk, such as 32MiB")
INTERVAL = _parent()
INTERVAL.add_argument("--interval", metavar="FROM..TO", help="data interval to migrate, such as 2013-01-01..2013-01-02")
JSON = _parent()
JSON.add_argument("--json", action="store_true", help="print JSON")


def command(
    commands: Any, name: str, do: Callable[[argparse.Namespace], int], help: str, *parents: argparse.ArgumentParser
) -> argparse.ArgumentParser:
    """Add a command that `do` runs. commands: what argparse's `add_subparsers` has made."""
    parser: argparse.ArgumentParser = commands.add_parser(name, help=help, description=help, parents=parents)
    parser.set_defaults(do=do)
    return parser


def declared(args: argparse.Namespace) -> Migration:
    """The migration file, read. Raises MigrationError."""
    from penstock.migration.loader import load

    return load(args.migration, args.env)


def request(args: argparse.Namespace, run: str = "") -> RunRequest:
    """What the arguments ask for, of the run called `run`. Raises MigrationError and UnknownConnection."""
    from penstock.migration import connections, suites
    from penstock.model.endpoints import Endpoints
    from penstock.planning.request import RunRequest

    migration = declared(args)
    endpoints = Endpoints(connections.resolve(args.source or migration.source), connections.resolve(args.target or migration.target))
    folder = suites.suites_folder(migration, args.project)
    _refuse_other_suites(migration, folder)
    # A `python` step names a module of the project. Airflow has it on its path; the script `penstock` does not.
    sys.path.append(str(suites.project_folder(migration, args.project) if folder.is_dir() or args.project else Path.cwd()))
    return RunRequest(
        migration,
        run,
        endpoints,
        root(args, migration),
        folder,
        _secrets(),
        tables=getattr(args, "tables", ()),
        chunk=getattr(args, "chunk", None),
        interval=interval(args, migration),
    )


def _refuse_other_suites(migration: Migration, folder: Path) -> None:
    """Raise MigrationError when the current folder has suites that would not be used."""
    here = Path.cwd() / migration.checks
    if here.is_dir() and not folder.is_dir():
        what = f"the suites in {here} would not be used: only folders above the migration file are searched"
        raise MigrationError(what, where=f"{migration.path}: checks", fix="add --project .")


def root(args: argparse.Namespace, migration: Migration) -> str:
    """URL of the staging area of all runs."""
    return str(getattr(args, "staging", None) or migration.staging_url or "staging")


def interval(args: argparse.Namespace, migration: Migration) -> Interval | None:
    """The data interval that the arguments name. Raises MigrationError."""
    from penstock.model import intervals

    text = getattr(args, "interval", None)
    return intervals.parse(text, migration.timezone) if text else None


def _secrets() -> dict[str, str]:
    from penstock.state.protection import SECRETS

    return {name: value for name in SECRETS if (value := os.environ.get(f"PENSTOCK_{name.upper()}"))}


def earlier_run(args: argparse.Namespace, migration: Migration) -> tuple[Staging, str]:
    """The staging area and the id of the run that --run-id names, else of the last one. Raises MigrationError."""
    from penstock.cli import run_lookup
    from penstock.state import plan_file, staging

    place = root(args, migration)
    known = {area.path: area for area in run_lookup.areas(place, migration.name)}
    wanted = staging.of(place, migration.name, args.run_id).path if args.run_id else next(reversed(known), None)
    if wanted not in known:
        what = f"there is no run {args.run_id}" if args.run_id else f"{migration.name} has no runs"
        raise MigrationError(what, where=f"staging {place}", fix="name the staging location with --staging")
    area = known[wanted]
    planned = plan_file.PLANNED.find(area)
    return area, planned.run if planned else args.run_id or area.path.rpartition("/")[2]


def reopened(args: argparse.Namespace) -> RunContext:
    """The run that --run-id names, else the last one, to go on with. Raises MigrationError."""
    asked = request(args)
    return asked.reopened(earlier_run(args, asked.migration)[1])


def user() -> str:
    """Who runs this command."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"
