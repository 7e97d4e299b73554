"""Move tables with dlt, as its manual advises for speed: connectorx or Arrow to Parquet, no normalisation of rows.

usage: move_with_dlt.py SOURCE TARGET TABLES (JSON: name to key columns); run by dlt's own Python.
"""

import json
import os
import sys

os.environ |= {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__LOG_LEVEL": "ERROR",
    "DATA_WRITER__FILE_MAX_ITEMS": "1000000",
    "DESTINATION__POSTGRES__CREATE_INDEXES": "true",
    "DESTINATION__SQLALCHEMY__CREATE_PRIMARY_KEYS": "true",
}

import dlt
import sqlalchemy as sa
from dlt.sources.sql_database import sql_table

# How dlt is told to read each source and to write each target.
READS = {"postgresql": "connectorx", "mysql": "connectorx", "sqlite": "pyarrow"}
WRITES = {"postgresql": "parquet", "mysql": "parquet", "duckdb": "parquet"}


def destination(url: sa.URL) -> object:
    written = url.render_as_string(hide_password=False)
    if url.get_backend_name() == "postgresql":
        return dlt.destinations.postgres(written.replace("+psycopg", ""))
    if url.get_backend_name() == "duckdb":
        return dlt.destinations.duckdb(url.database)
    return dlt.destinations.sqlalchemy(url.set(drivername="mysql+mysqldb").render_as_string(hide_password=False))


def main() -> None:
    source, target, tables = sa.make_url(sys.argv[1]), sa.make_url(sys.argv[2]), json.loads(sys.argv[3])
    schema = {"postgresql": "public", "mysql": target.database, "duckdb": "main"}[target.get_backend_name()]
    pipeline = dlt.pipeline("bench", destination=destination(target), dataset_name=schema, pipelines_dir="dlt")
    read_from = source.set(
        drivername={"postgresql": "postgresql+psycopg2", "mysql": "mysql+mysqldb"}.get(source.get_backend_name(), "sqlite")
    )
    backend = READS[source.get_backend_name()]
    moved = []
    for name, key in tables.items():
        options = {"return_type": "arrow_stream"} if backend == "connectorx" else None
        resource = sql_table(
            read_from.render_as_string(hide_password=False),
            name,
            backend=backend,
            chunk_size=100_000,
            reflection_level="full_with_precision",
            backend_kwargs=options,
        )
        moved.append(resource.apply_hints(primary_key=key))
    pipeline.run(moved, write_disposition="replace", loader_file_format=WRITES[target.get_backend_name()])


if __name__ == "__main__":
    main()
