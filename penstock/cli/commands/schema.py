"""schema: the JSON Schema of a migration file, for editors, and of the JSON that Penstock writes and prints."""

from __future__ import annotations

import argparse
import json
from typing import Any

from penstock.cli.commands import _options as options


def add(commands: Any) -> None:
    help = "Print the JSON Schema of a migration file, of report.json, or of what `check --json` or `coverage --json` prints."
    parser = options.command(commands, "schema", schema, help)
    formats = ("migration", "check", "coverage", "report")
    parser.add_argument("format", nargs="?", choices=formats, default="migration", help="which format (default: migration)")


def schema(args: argparse.Namespace) -> int:
    if args.format == "check":
        from penstock.planning.preflight.result import json_schema
    elif args.format == "coverage":
        from penstock.stages.coverage.coverage import json_schema
    elif args.format == "report":
        from penstock.reporting.content import json_schema
    else:
        from penstock.migration.loader import json_schema

    print(json.dumps(json_schema(), ensure_ascii=False, indent=1))
    return 0
