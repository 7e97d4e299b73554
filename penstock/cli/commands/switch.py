"""switch: make a live migration's run live, while its source is closed for moments."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from penstock.cli.commands import _options as options


def add(commands: Any) -> None:
    help = "Switch a live migration: close the source, apply its last changes, prove, and make the tables live."
    parser = options.command(commands, "switch", switch, help, options.FILE, options.ENDPOINTS, options.STAGING)
    parser.add_argument("--run-id", help="the run to switch (default: the last one)")
    within = "how long the source may be closed; then it is opened again, and nothing is switched (default: 2m)"
    parser.add_argument("--within", type=options.duration, default=120.0, metavar="TIME", help=within)
    parser.add_argument("--yes", action="store_true", help="approve the switch without being asked")
    cancel = "switch nothing: open a source again that a switch has closed and was killed, or whose switch was undone"
    parser.add_argument("--cancel", action="store_true", help=cancel)


def switch(args: argparse.Namespace) -> int:
    from penstock import live
    from penstock.cli import console
    from penstock.cli.commands.run import approving
    from penstock.stages import report

    context = options.reopened(args)
    name, run, area = context.plan.migration, context.plan.run, context.staging
    if args.cancel:
        live.cancel(context)
        print(console.shown(f"{name}: the source of the run {run} is open"))
        return 0
    print(console.shown(f"{name}: switching the run {run}"), file=sys.stderr)
    try:
        with console.progress(area) as showing:
            live.switch(context, approving(args.yes, showing), args.within)
    finally:
        console.closing(report.report(area, name, run), area.url)
    return 0
