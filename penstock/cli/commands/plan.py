"""plan: what a run would do."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from typing import Any

from penstock.cli.commands import _options as options


def add(commands: Any) -> None:
    help = "Print what a run would do: tables, chunks and every statement; write nothing."
    options.command(commands, "plan", plan, help, options.FILE, options.ENDPOINTS, options.LIMITS, options.INTERVAL, options.JSON)


def plan(args: argparse.Namespace) -> int:
    request = replace(options.request(args, run="plan"), root="", secrets=None)
    from penstock import databases
    from penstock.cli import console
    from penstock.stages import plan
    from penstock.stages.switch import preview

    made = plan.make(request)
    target = databases.of(request.endpoints.target, target=True)
    engine = databases.connect(target, request.endpoints.target, "target")
    with engine.connect() as connection:
        statements = preview.statements(made, target, connection)
    engine.dispose()
    if args.json:
        print(json.dumps({"plan": json.loads(made.to_json()), "statements": statements}, ensure_ascii=False, indent=1))
    else:
        console.plan(made, statements)
    return 0
