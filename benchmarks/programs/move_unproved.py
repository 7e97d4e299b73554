"""The stages of a migration without its gates, digests and proof, called one by one: what these cost. The product has no such way.

usage: move_unproved.py FILE
"""

import os
import sys
from pathlib import Path

import pyarrow as pa

from penstock import databases
from penstock.migration.connections import resolve
from penstock.migration.loader import load
from penstock.model import digest, pipeline
from penstock.model.digest import Digest
from penstock.model.endpoints import Endpoints
from penstock.model.plan import groups
from penstock.planning import switch_kinds
from penstock.planning.request import RunRequest
from penstock.stages import extract, plan
from penstock.stages import load as loading
from penstock.state import run_log


def counted(data: pa.RecordBatch, _: object) -> Digest:
    return Digest(data.num_rows)


def main() -> None:
    digest.of = counted  # type: ignore[assignment]
    migration = load(sys.argv[1])
    endpoints = Endpoints(resolve(migration.source), resolve(migration.target))
    request = RunRequest(migration, "bench", endpoints, str(Path("staging").absolute()), Path("expectations").absolute())
    area = request.area
    with run_log.stage(area, "plan"):
        session = plan.plan(request)
    with run_log.stage(area, "extract"):
        extract.extract(session, [t.name for t in session.plan.tables])
    with run_log.stage(area, "prepare"):
        loading.prepare(session)
    with run_log.stage(area, "load"):
        for group in groups(session.plan, pipeline.named("load")):
            loading.load(session, group.chunks)
    with run_log.stage(area, "build"):
        loading.build(session)
    with run_log.stage(area, "switch"), session.writing() as connection, connection.begin():
        for name, tables in switch_kinds.grouped(session.plan.tables).items():
            kind = switch_kinds.of(name)
            for statement in kind.apply(tables, session.target, kind.read(tables, session.target, connection)):
                databases.execute(connection, statement)
    os._exit(0)


if __name__ == "__main__":
    main()
