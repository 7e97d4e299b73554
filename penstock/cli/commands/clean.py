"""clean: what runs left, once the time to keep it is over."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from typing import Any

from penstock.cli.commands import _options as options


def add(commands: Any) -> None:
    help = "Remove staged rows, quarantine and kept tables that have expired."
    parser = options.command(commands, "clean", clean, help, options.FILE, options.STAGING, options.JSON)
    parser.add_argument("--target", help="URL or connection id (default: the file's)")
    parser.add_argument("--dry-run", action="store_true", help="print what would be removed, remove nothing")


def clean(args: argparse.Namespace) -> int:
    from penstock.cli import console
    from penstock.migration import connections
    from penstock.stages.switch import clean

    migration = options.declared(args)
    target = connections.resolve(args.target or migration.target)
    found = clean.clean(migration, options.root(args, migration), target, args.dry_run)
    if args.json:
        print(json.dumps({"migration": migration.name, "dry_run": args.dry_run, **asdict(found)}, ensure_ascii=False, indent=1))
    else:
        print("\n".join(console.shown(line) for line in clean.told(migration.name, found, args.dry_run)))
    return 0
