"""Run a migration as `penstock run` does, into the staging area ./staging.

usage: move_with_penstock.py FILE
"""

import os
import sys
from pathlib import Path

from penstock.migration.connections import resolve
from penstock.migration.loader import load
from penstock.run import run


def main() -> None:
    migration = load(sys.argv[1])
    source, target = resolve(migration.source), resolve(migration.target)
    run(migration, "bench", str(Path("staging").absolute()), source, target, Path("expectations").absolute())
    os._exit(0)  # as the command line does


if __name__ == "__main__":
    main()
