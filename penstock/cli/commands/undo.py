"""undo: the tables that were live before the last switch."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from penstock.cli.commands import _options as options


def add(commands: Any) -> None:
    help = "Restore the tables that were live before the last switch."
    parser = options.command(commands, "undo", undo, help, options.FILE, options.ENDPOINTS, options.STAGING)
    parser.add_argument("--run-id", help="the run whose switch to undo (default: the last one, unless it is undone already)")


def undo(args: argparse.Namespace) -> int:
    request = options.request(args)
    from penstock.cli import console, run_lookup
    from penstock.stages import report
    from penstock.stages.switch import undo
    from penstock.state import run_files, run_log, staging

    name = request.migration.name
    run = args.run_id or undo.last(request.endpoints.target, name).run
    session = request.reopened(run)
    print(console.shown(f"{name}: undoing the switch of run {run}"), file=sys.stderr)
    own_name = f"{name}__undo"
    undo_run, asked = run_lookup.new(request.root, own_name), {"by": options.user(), "note": ""}
    own = staging.of(request.root, own_name, undo_run)
    try:
        with console.progress(session.staging), run_log.stage(own, "undo"), run_log.stage(session.staging, "undo"):
            undone = undo.undo(session, asked["by"], undo_run)
    finally:
        report.report_undo(own, session.staging, name, undo_run, run, asked)
    console.closing(session.staging.read_json(run_files.REPORT), session.staging.url)
    for table in undone.written_since:
        print(console.shown(f"{table}: rows were written after the switch; they are kept in the table that the undo set aside"))
    return 0
