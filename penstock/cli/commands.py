"""The command line: check, plan, run, report, quarantine, undo, clean. Everything a command needs is imported when it runs."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penstock.errors import GateClosed, MigrationError, PenstockError, PreflightFailed, SwitchRefused, UnknownConnection

if TYPE_CHECKING:
    import sqlalchemy as sa

    from penstock.cli.console import Progressing
    from penstock.migration.spec import Migration
    from penstock.model.intervals import Interval
    from penstock.run import Approve
    from penstock.stages.coverage.coverage import Cell
    from penstock.state.staging import Staging

_EPILOG = """\
A migration file names its databases by Airflow connection ids; here AIRFLOW_CONN_<ID> defines one, or --source and
--target give URLs. PENSTOCK_MASK_KEY is the key that mask steps hash with; PENSTOCK_STAGING_KEY is a part of the key that
encrypts staged rows (without it, PENSTOCK_MASK_KEY is).

exit codes:
  0  done
  1  refused before anything moved: the migration file, a connection's name, or what check finds
  2  wrong usage of this command
  3  a gate stayed closed, or the proof does not hold
  4  the switch or its undo was refused, or not approved
  5  anything else that failed: a connection, a read, a load; what can be tried again goes on where it stopped
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and answer its exit code; as the process itself (no `argv`), end with it. Faults go to stderr in words."""
    code = _done(argv)
    if argv is None:
        # Great Expectations keeps DuckDB objects alive, about which the interpreter's end would complain at length.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code


def _done(argv: Sequence[str] | None) -> int:
    try:
        args = _parser().parse_args(argv)
        return int(args.do(args))
    except SystemExit as asked:
        return asked.code if isinstance(asked.code, int) else 2
    except PenstockError as error:
        print(_inert(str(error)), file=sys.stderr)
        return _code(error)
    except BrokenPipeError:  # whoever read has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("interrupted: the same command goes on where it stopped", file=sys.stderr)
        return 130
    except Exception as error:
        # Its text may hold values: only what it is and where it was raised are told.
        frame = error.__traceback__
        while frame and frame.tb_next:
            frame = frame.tb_next
        place = f" at {frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}" if frame else ""
        print(f"{type(error).__name__}: an error that Penstock did not foresee{place}", file=sys.stderr)
        return 5


def _inert(text: str) -> str:
    from penstock.cli.console import shown

    return shown(text)


def _code(error: PenstockError) -> int:
    if isinstance(error, MigrationError | PreflightFailed | UnknownConnection):
        return 1
    return 3 if isinstance(error, GateClosed) else 4 if isinstance(error, SwitchRefused) else 5


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="penstock",
        description="Gated data migrations: staged as Parquet, proved row by row, switched atomically.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(metavar="command", required=True)

    file = argparse.ArgumentParser(add_help=False)
    file.add_argument("migration", type=Path, help="the migration file")
    ends = argparse.ArgumentParser(add_help=False)
    ends.add_argument("--source", help="URL or connection id, instead of the file's")
    ends.add_argument("--target", help="URL or connection id, instead of the file's")
    ends.add_argument("--project", type=Path, help="the folder that `checks` is relative to (default: this one, or one above the file)")
    staged = argparse.ArgumentParser(add_help=False)
    staged.add_argument("--staging", help="URL or path of the staging area (default: the file's, else ./staging)")
    limits = argparse.ArgumentParser(add_help=False)
    limits.add_argument("--tables", type=_names, default=(), metavar="A,B", help="move only these source tables")
    limits.add_argument("--chunk", type=_bytes, metavar="SIZE", help="bytes of a chunk, such as 32MiB")
    part = argparse.ArgumentParser(add_help=False)
    part.add_argument("--interval", metavar="FROM..TO", help="whose rows of partitioned tables are moved: 2013-01-01..2013-01-02")
    machine = argparse.ArgumentParser(add_help=False)
    machine.add_argument("--json", action="store_true", help="print JSON")

    def command(name: str, do: Any, help: str, *parents: argparse.ArgumentParser) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=help, description=help, parents=parents)
        made.set_defaults(do=do)
        return made

    told = "Print what stands in the way, and what to expect; change nothing."
    check = command("check", _check, told, file, ends, staged, part, machine)
    check.add_argument("--no-estimate", action="store_true", help="read no sample: no estimate of the time, no look at values")
    told = "Print what a run would do: tables, chunks and every statement; write nothing."
    command("plan", _plan, told, file, ends, limits, part, machine)
    told = "Run the migration, or go on with its last run where that was stopped."
    run = command("run", _run, told, file, ends, staged, limits, part)
    which = run.add_mutually_exclusive_group()
    which.add_argument("--run-id", help="this run: a new one, or the one to go on with")
    which.add_argument("--new", action="store_true", help="a fresh run that reads the source again")
    run.add_argument("--stop-before-switch", action="store_true", help="move, check and prove everything, and make nothing live")
    run.add_argument("--repair", action="store_true", help="compare the live tables with the source, and send only the rows that differ")
    deeper = "staged: every row at the target is what was read; source: the source is read a second time, too"
    run.add_argument("--proof", choices=("staged", "source"), default="staged", help=deeper)
    run.add_argument("--yes", action="store_true", help="approve the switch without being asked")
    report = command("report", _report, "Write and print the report of the last run.", file, staged, machine)
    report.add_argument("--run-id", help="another run than the last")
    undo = command("undo", _undo, "Put the tables back that served before the last switch.", file, ends, staged)
    undo.add_argument("--run-id", help="the run whose switch is undone; without it the last one, unless that is undone already")
    history = argparse.ArgumentParser(add_help=False)
    history.add_argument("--from", dest="since", metavar="TIME", help="the first interval (default: the file's start_date)")
    history.add_argument("--to", dest="until", metavar="TIME", help="where the last one ends (default: now)")
    history.add_argument(
        "--check",
        choices=("none", "count", "digest"),
        default="none",
        help="hold what is proven against the source, by rows counted or read again",
    )
    command(
        "coverage",
        _coverage,
        "Print what of each table is proven, waiting, stale, failed and missing.",
        file,
        ends,
        staged,
        history,
        machine,
    )
    backfill = command("backfill", _backfill, "Run every interval that is not proven, one after the other.", file, ends, staged, history)
    backfill.add_argument("--dry-run", action="store_true", help="print the intervals, run none")
    held = command("quarantine", _quarantine, "List the rows that could not be carried, or take them again.", file, ends, staged, machine)
    held.add_argument("--run-id", help="another run than the last")
    held.add_argument("--redrive", action="store_true", help="load them into the live tables, through the steps as the file now says")
    clean = command("clean", _clean, "Remove staged rows, quarantine and kept tables whose time is over.", file, staged, machine)
    clean.add_argument("--target", help="URL or connection id, instead of the file's")
    clean.add_argument("--dry-run", action="store_true", help="print what would be removed, remove nothing")
    command("schema", _schema, "Print the JSON Schema of a migration file.")
    return parser


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _bytes(text: str) -> int:
    from penstock.migration.spec import parse_bytes

    try:
        return parse_bytes(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _opened(args: argparse.Namespace) -> tuple[Migration, sa.URL, sa.URL, Path]:
    """The migration, its two databases, and the folder of its suites."""
    from penstock.migration import connections
    from penstock.migration.spec import load

    migration = load(args.migration)
    source, target = connections.resolve(args.source or migration.source), connections.resolve(args.target or migration.target)
    projects = [args.project.absolute()] if args.project else [Path.cwd(), *args.migration.absolute().parents]
    project = next((p for p in projects if (p / migration.checks).is_dir()), projects[0])
    if "checks" in migration.model_fields_set and not (project / migration.checks).is_dir():
        # its gates would be lost in silence
        fix = "correct the path, run it from the project's folder, or say which that is with --project"
        raise MigrationError(f"there is no folder {migration.checks}", where=f"{migration.path}: checks", fix=fix)
    sys.path.append(str(project))  # where a migration's own Python functions are
    return migration, source, target, project / migration.checks


def _root(args: argparse.Namespace, migration: Migration) -> str:
    return str(args.staging or migration.staging_url or "staging")


def _interval(args: argparse.Namespace, migration: Migration) -> Interval | None:
    from penstock.model import intervals

    return intervals.parse(args.interval, migration.timezone) if args.interval else None


def _secrets() -> dict[str, str]:
    from penstock.state.protection import SECRETS

    return {name: value for name in SECRETS if (value := os.environ.get(f"PENSTOCK_{name.upper()}"))}


def _check(args: argparse.Namespace) -> int:
    migration, source, target, folder = _opened(args)
    from penstock.cli import console
    from penstock.runtime.formatting import count
    from penstock.stages import plan

    root, estimate = _root(args, migration), not args.no_estimate
    interval = _interval(args, migration)
    found = plan.assess(migration, "check", source, target, folder, root=root, estimate=estimate, interval=interval, secrets=_secrets())
    if args.json:
        print(json.dumps({"migration": migration.name, **found.record()}, ensure_ascii=False, indent=1))
    else:
        console.assessment(found)
        way = f"{count(len(found.blocking), 'problem')} in the way" if found.blocking else "nothing in the way"
        print(f"{migration.name}: {count(len(found.tables), 'table')}, {way}")
    return 1 if found.blocking else 0


def _plan(args: argparse.Namespace) -> int:
    migration, source, target_url, folder = _opened(args)
    from penstock import databases
    from penstock.cli import console
    from penstock.stages import plan
    from penstock.stages.switch import preview

    made = plan.make(migration, "plan", source, target_url, folder, args.chunk, args.tables, _interval(args, migration))
    target = databases.of(target_url, target=True)
    engine = databases.connect(target, target_url, "target")
    with engine.connect() as connection:
        statements = preview.statements(made, target, connection)
    engine.dispose()
    if args.json:
        print(json.dumps({"plan": json.loads(made.to_json()), "statements": statements}, ensure_ascii=False, indent=1))
    else:
        console.plan(made, statements)
    return 0


def _run(args: argparse.Namespace) -> int:
    migration, source, target, folder = _opened(args)
    from penstock import run
    from penstock.cli import console, run_lookup
    from penstock.stages import report
    from penstock.state import run_files, staging

    interval = _interval(args, migration)
    root, asked = _root(args, migration), {"repair": args.repair, "proof": args.proof}
    request = {"tables": sorted(args.tables), "chunk": args.chunk, "interval": str(interval or "")} | asked
    earlier = None if args.new else args.run_id or run_lookup.unfinished(root, migration, request)
    run_id = earlier or run_lookup.new(root, migration.name)
    area = staging.of(root, migration.name, run_id)
    until = "gate" if args.stop_before_switch else "switch"
    if until == "switch" and migration.switch.approval and not (args.yes or area.exists(run_files.APPROVAL) or sys.stdin.isatty()):
        fix = "say --yes, or --stop-before-switch, or run it where you can answer"
        raise SwitchRefused("the switch wants an approval, and there is no terminal to ask on; nothing has moved", fix=fix)
    going = "goes on where it stopped (--new reads the source again)" if area.exists(run_files.PLAN) else "begins"
    print(f"{migration.name}: run {console.shown(run_id)} {going}", file=sys.stderr)
    area.write_json(request, run_files.REQUEST)
    try:
        with console.progress(area) as showing:
            approve = _yes if args.yes else _asked(showing)
            which = (args.chunk, args.tables, until, interval, args.repair, args.proof)
            run.run(migration, run_id, root, source, target, folder, _secrets(), approve, *which)
    finally:
        if area.exists(run_files.PLAN) or area.exists(run_files.FAILURE):
            console.closing(report.report(area, migration.name, run_id), area.url)
    return 0


def _user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


def _yes(_: Any) -> tuple[bool, str]:
    return True, f"{_user()}, by --yes"


def _asked(showing: Progressing) -> Approve:
    """A question on this terminal, after the evidence."""
    from penstock.cli import console
    from penstock.state import run_files

    def ask(session: Any) -> tuple[bool, str]:
        showing.stop()
        console.closing(session.staging.read_json(run_files.REPORT), session.staging.url)
        try:
            answer = input("\nSwitch? Type yes to make these tables live, anything else refuses: ")
        except EOFError:
            answer = ""
        return answer.strip().lower() == "yes", _user()

    return ask


def _report(args: argparse.Namespace) -> int:
    from penstock.cli import console
    from penstock.migration.spec import load
    from penstock.stages import report

    migration = load(args.migration)
    area, run_id = _asked_for(args, migration)
    found = report.report(area, migration.name, run_id)
    print(json.dumps(found, ensure_ascii=False, indent=1)) if args.json else console.closing(found, area.url)
    return 0


def _asked_for(args: argparse.Namespace, migration: Migration) -> tuple[Staging, str]:
    """The staging area of the run that the command names, else of the last, and its id. Raises MigrationError."""
    from penstock.cli import run_lookup
    from penstock.state import plan_file, staging

    root = _root(args, migration)
    known = {area.path: area for area in run_lookup.areas(root, migration.name)}
    wanted = staging.of(root, migration.name, args.run_id).path if args.run_id else next(reversed(known), None)
    if wanted not in known:
        what = f"there is no run {args.run_id}" if args.run_id else f"{migration.name} was never run"
        raise MigrationError(what, where=f"staging {root}", fix="say where its staging is with --staging")
    area = known[wanted]
    planned = plan_file.PLANNED.find(area)
    return area, planned.run if planned else args.run_id or area.path.rpartition("/")[2]


def _quarantine(args: argparse.Namespace) -> int:
    migration, source, target_url, folder = _opened(args)
    from dataclasses import asdict

    from penstock.cli import console
    from penstock.runtime.formatting import count
    from penstock.stages import redrive, report
    from penstock.state import run_context as session
    from penstock.state import run_files

    area, run_id = _asked_for(args, migration)
    if not area.exists(run_files.PLAN):
        raise MigrationError(f"the run {run_id} never came to a plan, so it has no rows", where=area.url)
    opened = session.reopen(_root(args, migration), migration.name, run_id, source, target_url, folder, _secrets())
    if args.redrive:
        with console.progress(area):
            redrive.redrive(opened, migration)
        report.report(area, migration.name, run_id)
    entries = redrive.left(opened)
    if args.json:
        print(json.dumps({"run": run_id, "rows": [asdict(e) for e in entries]}, ensure_ascii=False, indent=1))
        return 0
    if entries:
        console.quarantine(entries)
    print(f"{migration.name}, run {console.shown(run_id)}: {count(len(entries), 'row')} in quarantine{' still' if args.redrive else ''}")
    return 0


def _undo(args: argparse.Namespace) -> int:
    migration, source, target_url, folder = _opened(args)
    from getpass import getuser

    from penstock.cli import console, run_lookup
    from penstock.stages import report
    from penstock.stages.switch import undo
    from penstock.state import run_context as session
    from penstock.state import run_files, run_log, staging

    root, own_name = _root(args, migration), f"{migration.name}__undo"
    run = args.run_id or undo.last(target_url, migration.name).run
    try:
        opened = session.reopen(root, migration.name, run, source, target_url, folder, _secrets())
    except FileNotFoundError:
        what = f"the staging of the run {run} is not there"
        raise SwitchRefused(what, where=f"staging {root}", fix="say where its staging is with --staging") from None
    print(f"{migration.name}: undoing the switch of the run {console.shown(run)}", file=sys.stderr)
    undo_run, asked = run_lookup.new(root, own_name), {"by": getuser(), "note": ""}
    own = staging.of(root, own_name, undo_run)
    try:
        with console.progress(opened.staging), run_log.stage(own, "undo"), run_log.stage(opened.staging, "undo"):
            undone = undo.undo(opened, asked["by"], undo_run)
    finally:
        report.report_undo(own, opened.staging, migration.name, undo_run, run, asked)
    console.closing(opened.staging.read_json(run_files.REPORT), opened.staging.url)
    for name in undone.written_since:
        print(console.shown(f"rows were written into {name} since the switch: they are in the table set aside"))
    return 0


def _covered(args: argparse.Namespace) -> tuple[list[Cell], Migration]:
    from penstock.model import intervals
    from penstock.stages.coverage import coverage

    migration, source, target, folder = _opened(args)
    since, until = (intervals.instant(t, migration.timezone) if t else None for t in (args.since, args.until))
    return coverage.cover(migration, _root(args, migration), source, target, folder, since, until, args.check), migration


def _coverage(args: argparse.Namespace) -> int:
    from dataclasses import asdict

    from penstock.cli import console

    cells, _ = _covered(args)
    if args.json:
        told = [asdict(c) | {"interval": str(c.interval) if c.interval else None} for c in cells]
        print(json.dumps(told, ensure_ascii=False, indent=1))
    else:
        console.coverage(cells)
    return 0 if all(c.state == "proven" for c in cells) else 3


def _backfill(args: argparse.Namespace) -> int:
    from penstock.cli import console, run_lookup
    from penstock.stages.coverage import coverage

    cells, migration = _covered(args)
    wanted = coverage.wanting(cells, ("missing", "stale", "failed"))
    if args.dry_run or not wanted:
        print("\n".join(map(str, wanted)) if wanted else f"{migration.name}: every interval is proven")
        return 0
    given: dict[str, Any] = {"tables": (), "chunk": None, "stop_before_switch": False, "yes": False, "new": False, "json": False}
    given |= {"repair": False, "proof": "staged"}
    for number, interval in enumerate(wanted, 1):
        print(f"{migration.name}: {interval}, {number} of {len(wanted)}", file=sys.stderr)
        run_id = f"backfill-{console.shown(str(interval)).replace(':', '')}-{run_lookup.new(_root(args, migration), migration.name)}"
        _run(argparse.Namespace(**vars(args) | given, interval=str(interval), run_id=run_id))
    return 0


def _clean(args: argparse.Namespace) -> int:
    from dataclasses import asdict

    from penstock.cli import console
    from penstock.migration import connections
    from penstock.migration.spec import load
    from penstock.stages.switch import clean

    migration = load(args.migration)
    target = connections.resolve(args.target or migration.target)
    found = clean.clean(migration, _root(args, migration), target, args.dry_run)
    if args.json:
        print(json.dumps({"migration": migration.name, "dry_run": args.dry_run, **asdict(found)}, ensure_ascii=False, indent=1))
    else:
        print("\n".join(console.shown(line) for line in clean.told(migration.name, found, args.dry_run)))
    return 0


def _schema(_: argparse.Namespace) -> int:
    from penstock.migration.spec import json_schema

    print(json.dumps(json_schema(), ensure_ascii=False, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
