"""follow: apply the changes of a live migration's source to what its run has loaded."""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from penstock.cli.commands import _options as options

if TYPE_CHECKING:
    from penstock.stages.live.follow import Progress, Told
    from penstock.state.run_context import RunContext

_EVERY = 5.0  # seconds between two lines


def add(commands: Any) -> None:
    help = "Follow the source of a live migration: apply its changes to what the last run has loaded."
    parser = options.command(commands, "follow", follow, help, options.FILE, options.ENDPOINTS, options.STAGING, options.JSON)
    parser.add_argument("--run-id", help="the run to go on with (default: the last one)")
    parser.add_argument(
        "--for", dest="seconds", type=options.duration, metavar="TIME", help="end after this time, such as 15m (default: never)"
    )
    parser.add_argument("--until-current", action="store_true", help="end when all is applied that was committed before this command")
    prove = "end with a proof; aligned (default): both sides are read as of one position; kept: the target is read alone, and its digest"
    prove += " compared with that of what was loaded and followed"
    parser.add_argument("--prove", nargs="?", const="aligned", choices=("aligned", "kept"), help=prove)
    end = "give the run up: drop the replication slot that the source keeps for it; a new run begins anew"
    parser.add_argument("--end", action="store_true", help=end)


def follow(args: argparse.Namespace) -> int:
    from penstock import live
    from penstock.cli import console
    from penstock.stages.live.follow import Until

    context = options.reopened(args)
    name, run = context.plan.migration, context.plan.run
    if args.end:
        live.end(context)
        print(console.shown(f"{name}: the run {run} is given up; the source keeps nothing for it"))
        return 0
    print(console.shown(f"{name}: following the source for the run {run}; end it with Ctrl-C at any time"), file=sys.stderr)
    current = args.until_current or (args.prove and args.seconds is None)
    done = live.follow(context, Until(args.seconds, current=current), _telling())
    if args.prove:
        print(console.shown(f"{name}: {_proved(context, args.prove)}"), file=sys.stderr)
    print(json.dumps({"migration": name, "run": run, **asdict(done)}, indent=1) if args.json else words(done))
    return 0


def _proved(context: RunContext, depth: str) -> str:
    """Prove, and say what was. Raises GateClosed."""
    from penstock import live

    if depth == "aligned":
        return f"{live.prove(context).rows:,} rows proved against the source at one position"
    found = live.prove_kept(context)
    without = f"; no digest is kept of {', '.join(found.unknown)}" if found.unknown else ""
    return f"{sum(found.tables.values()):,} rows are those that were loaded and followed{without}"


def _telling() -> Told:
    """What prints a line now and then."""
    last = 0.0

    def told(progress: Progress) -> None:
        nonlocal last
        if time.monotonic() - last > _EVERY:
            last = time.monotonic()
            print(words(progress), file=sys.stderr)

    return told


def words(progress: Progress) -> str:
    """How far a process is, on one line."""
    from penstock.runtime.formatting import count, seconds, size

    lag = progress.lag
    left = "" if lag.left is None else f", and may hold back {size(lag.left)} more"
    applied = f"{count(progress.changes, 'change')} applied in {count(progress.rounds, 'round')}"
    return f"{applied}; {seconds(lag.seconds)} and {size(lag.bytes)} behind; the source holds back {size(lag.held)} of its log{left}"
