"""The stages of a migration without its gates, digests and proof, called one by one: what these cost. The product has no such way.

usage: move_unproved.py FILE
"""

import os
import sys
from pathlib import Path

import pyarrow as pa

from penstock import databases, digest, record, staging
from penstock.connections import resolve
from penstock.digest import Digest
from penstock.migration import load
from penstock.plan import groups
from penstock.stages import extract, plan, switch
from penstock.stages import load as loading
from penstock.succession import Decision


def counted(data: pa.RecordBatch, _: object) -> Digest:
    return Digest(data.num_rows)


def main() -> None:
    digest.of = counted  # type: ignore[assignment]
    migration = load(sys.argv[1])
    source, target = resolve(migration.source), resolve(migration.target)
    root = str(Path("staging").absolute())
    area = staging.of(root, migration.name, "bench")
    with record.stage(area, "plan"):
        session = plan.plan(migration, "bench", root, source, target, Path("expectations").absolute())
    with record.stage(area, "extract"):
        extract.extract(session, [t.name for t in session.plan.tables])
    with record.stage(area, "prepare"):
        loading.prepare(session)
    with record.stage(area, "load"):
        for group in groups(session.plan, "load"):
            loading.load(session, group.chunks)
    with record.stage(area, "build"):
        loading.build(session)
    with record.stage(area, "switch"), session.writing() as connection, connection.begin():
        for statement in switch.moves(session, connection, Decision(session.plan.tables, (), {}, (), (), {})):
            databases.execute(connection, statement)
    os._exit(0)


if __name__ == "__main__":
    main()
