"""coverage and backfill: which intervals are proven, and runs of those that are not."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from penstock.cli.commands import _options as options
from penstock.cli.commands.run import carry_out

if TYPE_CHECKING:
    from penstock.planning.request import RunRequest
    from penstock.stages.coverage.coverage import Cell


def add(commands: Any) -> None:
    span = argparse.ArgumentParser(add_help=False)
    span.add_argument("--from", dest="since", metavar="TIME", help="start of the first interval (default: the file's start_date)")
    span.add_argument("--to", dest="until", metavar="TIME", help="end of the last interval (default: now)")
    check = "compare what is proven with the source: by row count, or by digest, which reads the rows again"
    span.add_argument("--check", choices=("none", "count", "digest"), default="none", help=check)
    parents = (options.FILE, options.ENDPOINTS, options.STAGING, span)
    help = "Print which intervals of each table are proven, waiting, stale, failed or missing."
    options.command(commands, "coverage", coverage, help, *parents, options.JSON)
    parser = options.command(commands, "backfill", backfill, "Run every interval that is not proven, one after the other.", *parents)
    parser.add_argument("--dry-run", action="store_true", help="print the intervals, run none")


def coverage(args: argparse.Namespace) -> int:
    request = options.request(args)
    cells = _cells(args, request)
    from penstock.cli import console
    from penstock.stages.coverage.coverage import record

    if args.json:
        print(json.dumps(record(request.migration.name, cells), ensure_ascii=False, indent=1))
    else:
        console.coverage(cells)
    return 0 if all(c.state == "proven" for c in cells) else 3


def backfill(args: argparse.Namespace) -> int:
    request = options.request(args)
    cells, name = _cells(args, request), request.migration.name
    from penstock.cli import console, run_lookup
    from penstock.stages.coverage import coverage

    wanted = coverage.wanting(cells, ("missing", "stale", "failed"))
    if args.dry_run or not wanted:
        print("\n".join(map(str, wanted)) if wanted else f"{name}: every interval is proven")
        return 0
    for number, interval in enumerate(wanted, 1):
        print(f"{name}: {interval}, {number} of {len(wanted)}", file=sys.stderr)
        run = f"backfill-{console.shown(str(interval)).replace(':', '')}-{run_lookup.new(request.root, name)}"
        carry_out(replace(request, run=run, interval=interval))
    return 0


def _cells(args: argparse.Namespace, request: RunRequest) -> list[Cell]:
    from penstock.model import intervals
    from penstock.stages.coverage import coverage

    timezone = request.migration.timezone
    since, until = (intervals.instant(t, timezone) if t else None for t in (args.since, args.until))
    return coverage.cover(request, since, until, args.check)
