"""report: what a run left to be reviewed."""

from __future__ import annotations

import argparse
import json
from typing import Any

from penstock.cli.commands import _options as options


def add(commands: Any) -> None:
    help = "Write and print the report of the last run."
    parser = options.command(commands, "report", report, help, options.FILE, options.STAGING, options.JSON)
    parser.add_argument("--run-id", help="another run than the last")


def report(args: argparse.Namespace) -> int:
    from penstock.cli import console
    from penstock.stages import report

    migration = options.declared(args)
    area, run = options.earlier_run(args, migration)
    found = report.report(area, migration.name, run)
    if args.json:
        print(json.dumps(found, ensure_ascii=False, indent=1))
    else:
        console.closing(found, area.url)
    return 0
