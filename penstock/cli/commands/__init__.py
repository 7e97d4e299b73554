"""The command line: one file a command group in this folder, each with `add(commands)`. What a command needs is imported when it runs."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from penstock.cli.commands import check, clean, coverage, follow, init, plan, quarantine, report, run, schema, switch, undo
from penstock.errors import GateClosed, LeaseHeld, MigrationError, PenstockError, PreflightFailed, SwitchRefused, UnknownConnection
from penstock.runtime import process

_EPILOG = """\
A migration file names its databases by Airflow connection ids. On the command line, AIRFLOW_CONN_<ID> defines a connection,
or --source and --target give URLs. PENSTOCK_MASK_KEY is the key that mask steps hash with. PENSTOCK_STAGING_KEY is a part of
the key that encrypts staged rows (default: PENSTOCK_MASK_KEY).

exit codes:
  0  success
  1  refused before anything moved: the migration file, a connection id, or a preflight check
  2  wrong usage of this command
  3  a gate is closed, or the proof does not hold
  4  the switch or its undo was refused, or not approved
  5  other failure (connection, read, load); rerun the command to resume
  6  overtaken: all tables of the run were left to a run that read the source later
  7  switched in part: some tables were left to a run that read the source later
  8  another process is working on the run, or has taken it over
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; without `argv`, as the process itself, end with it. Faults go to stderr in words."""
    process.tune()
    code = _done(argv)
    if argv is None:
        # Great Expectations keeps objects of DuckDB alive, and DuckDB would report each of them at the interpreter's end.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code


def _done(argv: Sequence[str] | None) -> int:
    try:
        args = parser().parse_args(argv)
        return int(args.do(args))
    except SystemExit as asked:
        return asked.code if isinstance(asked.code, int) else 2
    except PenstockError as error:
        from penstock.cli.console import shown

        print(shown(f"{error}\n  docs: {error.docs}"), file=sys.stderr)
        return _code(error)
    except BrokenPipeError:  # the reader of our output has closed it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("interrupted: run the same command again to resume", file=sys.stderr)
        return 130
    except Exception as error:
        # Its text may hold values: only its type is printed, and where it was raised.
        frame = error.__traceback__
        while frame and frame.tb_next:
            frame = frame.tb_next
        place = f" at {frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}" if frame else ""
        from penstock.cli.console import shown
        from penstock.state import unforeseen

        words = unforeseen.fault(error) or f"{type(error).__name__}: unexpected error{place}\n  fix: {unforeseen.REPORT}"
        print(shown(str(words)), file=sys.stderr)
        return 5


def _code(error: PenstockError) -> int:
    if isinstance(error, MigrationError | PreflightFailed | UnknownConnection):
        return 1
    if isinstance(error, LeaseHeld):
        return 8
    return 3 if isinstance(error, GateClosed) else 4 if isinstance(error, SwitchRefused) else 5


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="penstock",
        description="Gated data migrations: staged as Parquet, proved row by row, switched atomically.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--env", metavar="NAME", help="read the overlay FILE.NAME.yaml of the migration file (default: PENSTOCK_ENV)")
    commands = parser.add_subparsers(metavar="command", required=True)
    for module in (init, check, plan, run, follow, switch, report, undo, coverage, quarantine, clean, schema):
        module.add(commands)
    return parser
