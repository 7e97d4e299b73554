"""run: a whole migration, or the rest of one that stopped."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from penstock.cli.commands import _options as options
from penstock.errors import LeaseHeld, SwitchRefused

if TYPE_CHECKING:
    from penstock.cli.console import Progressing
    from penstock.planning.request import RunRequest
    from penstock.run import Approve
    from penstock.state.run_context import RunContext


def add(commands: Any) -> None:
    parents = (options.FILE, options.ENDPOINTS, options.STAGING, options.LIMITS, options.INTERVAL)
    parser = options.command(commands, "run", run, "Run the migration, or resume its last run where it stopped.", *parents)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--run-id", help="id of the run: a new one, or one to resume")
    which.add_argument("--new", action="store_true", help="start a new run, which reads the source again")
    parser.add_argument("--stop-before-switch", action="store_true", help="move, check and prove everything, make nothing live")
    parser.add_argument("--repair", action="store_true", help="compare the live tables with the source, and send only the rows that differ")
    of = "with --repair: load the quarantine of this run, then repair its tables and interval"
    parser.add_argument("--of", metavar="RUN", help=of)
    depth = "staged: every row at the target is what was read; source: the source is read a second time as well"
    parser.add_argument("--proof", choices=("staged", "source"), default="staged", help=depth)
    parser.add_argument("--yes", action="store_true", help="approve the switch without being asked")


def run(args: argparse.Namespace) -> int:
    request = options.request(args)
    from penstock.cli import run_lookup

    if args.of and not args.repair:
        print("penstock run: --of needs --repair", file=sys.stderr)
        return 2
    request = replace(request, repair=args.repair, of=args.of or "", depth=args.proof, stop_before_switch=args.stop_before_switch)
    earlier = None if args.new else args.run_id or run_lookup.unfinished(request.root, request.migration, run_lookup.record(request))
    outcome = carry_out(replace(request, run=earlier or run_lookup.new(request.root, request.migration.name)), args.yes)
    return {"overtaken": 6, "switched in part": 7}.get(outcome, 0)


def carry_out(request: RunRequest, yes: bool = False) -> str:
    """Run or resume a migration, with its progress and its result on the screen, and return the outcome that its report has.

    yes: approve the switch without being asked.

    Raises PenstockError.
    """
    from penstock import run
    from penstock.cli import console, run_lookup
    from penstock.stages import report
    from penstock.state import plan_file, run_files

    migration, area = request.migration, request.area
    asks = migration.asks_approval and not (request.stop_before_switch or migration.live)
    if asks and not (yes or area.exists(run_files.APPROVAL) or sys.stdin.isatty()):
        fix = "add --yes or --stop-before-switch, or run it in a terminal"
        raise SwitchRefused("the switch needs an approval, and there is no terminal to ask on; nothing has moved", fix=fix)
    planned = plan_file.PLANNED.find(area)
    resumed = planned is not None and planned.fingerprint == migration.fingerprint
    words = f"resuming run {request.run} (--new reads the source again)" if resumed else f"starting run {request.run}"
    print(console.shown(f"{migration.name}: {words}"), file=sys.stderr)
    if not resumed:
        area.write_json(run_lookup.record(request), run_files.REQUEST)
    theirs = False
    try:
        with console.progress(area) as showing:
            run.run_migration(request, approving(yes, showing))
    except LeaseHeld as error:
        theirs = True  # and so is the report
        if not resumed and error.run != request.run:
            area.delete()  # a run that has only been planned: the next command must not go on with it
        raise
    finally:
        if found := not theirs and (area.exists(run_files.PLAN) or area.exists(run_files.FAILURE)):
            made = report.report(area, migration.name, request.run)
            console.closing(made, area.url)
    return str(made["outcome"]) if found else ""


def approving(yes: bool, showing: Progressing) -> Approve:
    """What answers for the switch: the person at this terminal, or `yes` without being asked."""
    return _yes if yes else _asked(showing)


def _yes(_: RunContext) -> tuple[bool, str]:
    return True, f"{options.user()}, by --yes"


def _asked(showing: Progressing) -> Approve:
    """A question on this terminal, after the evidence."""
    from penstock.cli import console
    from penstock.state import run_files

    def ask(context: RunContext) -> tuple[bool, str]:
        showing.stop()
        console.closing(context.staging.read_json(run_files.REPORT), context.staging.url)
        try:
            answer = input("\nSwitch? Type yes to make these tables live; any other answer rejects: ")
        except EOFError:
            answer = ""
        return answer.strip().lower() == "yes", options.user()

    return ask
