"""Run a migration as `penstock run` does, into the staging area ./staging.

usage: move_with_penstock.py FILE
"""

import sys
from pathlib import Path

from penstock.runtime import process

process.tune()  # before Arrow is imported

from penstock.migration.connections import resolve
from penstock.migration.loader import load
from penstock.model.endpoints import Endpoints
from penstock.planning.request import RunRequest
from penstock.run import run_migration


def main() -> None:
    migration = load(sys.argv[1])
    endpoints = Endpoints(resolve(migration.source), resolve(migration.target))
    run_migration(RunRequest(migration, "bench", endpoints, str(Path("staging").absolute()), Path("expectations").absolute()))


if __name__ == "__main__":
    main()
