"""schema: what a migration file can say, for editors."""

from __future__ import annotations

import argparse
import json
from typing import Any

from penstock.cli.commands import _options as options


def add(commands: Any) -> None:
    options.command(commands, "schema", schema, "Print the JSON Schema of a migration file.")


def schema(_: argparse.Namespace) -> int:
    from penstock.migration.loader import json_schema

    print(json.dumps(json_schema(), ensure_ascii=False, indent=1))
    return 0
