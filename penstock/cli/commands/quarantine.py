"""quarantine: the rows that could not be carried."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, replace
from typing import Any

from penstock.cli.commands import _options as options
from penstock.errors import MigrationError


def add(commands: Any) -> None:
    parents = (options.FILE, options.ENDPOINTS, options.STAGING, options.JSON)
    parser = options.command(commands, "quarantine", quarantine, "List the rows in quarantine, or load them again.", *parents)
    parser.add_argument("--run-id", help="another run than the last")
    redrive = "re-apply the current transforms to quarantined rows and load them into the live tables"
    parser.add_argument("--redrive", action="store_true", help=redrive)


def quarantine(args: argparse.Namespace) -> int:
    request = options.request(args)
    from penstock.cli import console
    from penstock.runtime.formatting import count
    from penstock.stages import redrive, report
    from penstock.state import run_files

    migration = request.migration
    area, run = options.earlier_run(args, migration)
    if not area.exists(run_files.PLAN):
        raise MigrationError(f"the run {run} has no plan, so it has no rows in quarantine", where=area.url)
    session = replace(request, run=run).reopened()
    if args.redrive:
        with console.progress(area):
            redrive.redrive(session, migration)
        report.report(area, migration.name, run)
    entries = redrive.left(session)
    if args.json:
        print(json.dumps({"run": run, "rows": [asdict(e) for e in entries]}, ensure_ascii=False, indent=1))
        return 0
    if entries:
        console.quarantine(entries)
    print(console.shown(f"{migration.name}, run {run}: {count(len(entries), 'row')} {'left ' if args.redrive else ''}in quarantine"))
    return 0
