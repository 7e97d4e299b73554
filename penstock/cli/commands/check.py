"""check: preflight without a run."""

from __future__ import annotations

import argparse
import json
from typing import Any

from penstock.cli.commands import _options as options


def add(commands: Any) -> None:
    parents = (options.FILE, options.ENDPOINTS, options.STAGING, options.INTERVAL, options.JSON)
    help = "Run preflight checks and print blocking problems, warnings and an estimate; change nothing."
    parser = options.command(commands, "check", check, help, *parents)
    parser.add_argument("--verbose", action="store_true", help="list every warning, and every difference of the schema")
    parser.add_argument("--no-estimate", action="store_true", help="read no sample of the rows: no estimate, no check of values")


def check(args: argparse.Namespace) -> int:
    request = options.request(args, run="check")
    from penstock.cli import console
    from penstock.runtime.formatting import count
    from penstock.stages import plan

    found, name = plan.preflight(request, estimate=not args.no_estimate), request.migration.name
    if args.json:
        print(json.dumps({"migration": name, **found.record()}, ensure_ascii=False, indent=1))
    else:
        console.preflight(found, args.verbose)
        blocking = count(len(found.blocking), "blocking problem") if found.blocking else "no blocking problems"
        print(f"{name}: {count(len(found.tables), 'table')}, {blocking}")
    return 1 if found.blocking else 0
