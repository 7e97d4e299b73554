"""schema: the JSON Schema of what a migration file can say, for editors, and of what `check --json` prints."""

from __future__ import annotations

import argparse
import json
from typing import Any

from penstock.cli.commands import _options as options


def add(commands: Any) -> None:
    parser = options.command(commands, "schema", schema, "Print the JSON Schema of a migration file, or of what `check --json` prints.")
    parser.add_argument("format", nargs="?", choices=("migration", "check"), default="migration", help="which format (default: migration)")


def schema(args: argparse.Namespace) -> int:
    if args.format == "check":
        from penstock.planning.preflight.result import json_schema
    else:
        from penstock.migration.loader import json_schema

    print(json.dumps(json_schema(), ensure_ascii=False, indent=1))
    return 0
