"""What a task of each stage takes over the interpreter and the libraries, whatever the rows are.

python -m benchmarks.memory --help
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import sqlalchemy as sa

from benchmarks.bed import LABELS, bed
from penstock import databases
from penstock.databases._shared import ddl
from penstock.model.schema import Column, Table, TableName, Type, arrow_schema

STAGES = ("plan", "extract", "gate_extracted", "prepare", "load", "build", "gate_loaded", "prove")
ROUTES = (("postgresql", "mariadb"), ("mariadb", "postgresql"), ("sqlite", "duckdb"), ("duckdb", "sqlite"))
_MB = 1_000_000
_ROOT = Path(__file__).parents[1]

Make = Callable[[int, int], list[object]]
"""The values of rows `first` to `first + count` of a column."""


def _noise(size: int, seed: int) -> bytes:
    """Bytes that nothing compresses."""
    import random

    return random.Random(seed).randbytes(size)


def _text(size: int, seed: int) -> str:
    """As good as nothing compresses it: six bits a character."""
    return _noise(size // 2, seed).hex()


def _numbers(first: int, count: int) -> list[object]:
    return list(range(first, first + count))


def _words(size: int) -> Make:
    return lambda first, count: [_text(size, n) for n in range(first, first + count)]


def _blobs(size: int) -> Make:
    return lambda first, count: [_noise(size, n) for n in range(first, first + count)]


_Shape = tuple[int, int, dict[str, tuple[str, Make]]]
SHAPES: dict[str, _Shape] = {
    "narrow": (1_000_000, 50_000, {"a": ("int32", _numbers), "b": ("string(40)", lambda f, n: [f"row {i}" for i in range(f, f + n)])}),
    "wide": (50_000, 5_000, {f"c{i}": ("int64", _numbers) if i % 2 else ("string(80)", _words(24)) for i in range(100)}),
    "megabytes": (1_000, 8, {"t": ("string", _words(_MB // 2)), "b": ("binary", _blobs(_MB // 2))}),
    "tens": (12, 1, {"t": ("string", _words(10 * _MB)), "b": ("binary", _blobs(10 * _MB))}),
    "huge": (6, 1, {"t": ("string", _words(100 * _MB)), "b": ("binary", _blobs(100 * _MB))}),
    "long": (6, 1, {"b": ("binary", _blobs(100 * _MB))}),
}
"""By name: rows, how many are made at a time, and columns beside the key."""


def fill(url: sa.URL, shape: str, rows: int | None = None) -> None:
    """Make the table `t` of that shape in an empty database."""
    database = databases.of(url, target=True)
    count, step, columns = SHAPES[shape]
    made = [("id", "int64", _numbers), *((name, kind, make) for name, (kind, make) in columns.items())]
    fields = tuple(Column(name, Type.parse(kind), nullable=name != "id") for name, kind, _ in made)
    table = Table(TableName("t"), fields, primary_key=("id",))
    engine = database.engine(url)

    def batches() -> Iterator[pa.RecordBatch]:
        for first in range(0, rows or count, step):
            arrays = [
                pa.array(make(first, min(step, (rows or count) - first)), c.type.arrow)
                for (_, _, make), c in zip(made, fields, strict=True)
            ]
            yield pa.RecordBatch.from_arrays(arrays, schema=arrow_schema(fields))

    with engine.begin() as connection:
        for statement in (*database.limit_memory(0), ddl.create_table(database, table, table.name)):
            databases.execute(connection, statement)
        database.write(connection, table.name, fields, batches())
        for statement in ddl.keys(database, table, table.name):
            databases.execute(connection, statement)
    engine.dispose()


def measure(
    source: sa.URL, target: sa.URL, folder: Path, memory: str, stages: Sequence[str] = STAGES, sensitive: Sequence[str] = ()
) -> dict[str, int]:
    """Bytes over the interpreter and the libraries that the stages of a run with that limit take, each in a process of its own.

    sensitive: columns of the table that are declared so, and have its rows encrypted.
    """
    ends = {end: url.render_as_string(hide_password=False) for end, url in (("source", source), ("target", target))}
    file = folder / "m.json"
    file.write_text(
        json.dumps({"name": "m", **ends, **({"memory": memory} if memory else {}), "tables": {"t": {"sensitive": list(sensitive)}}})
    )
    found = {}
    for stage in stages:
        command = [sys.executable, "-m", "benchmarks.programs.stage_memory", str(file), stage]
        environment = os.environ | {"PYTHONPATH": str(_ROOT)}
        ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
        if ran.returncode:
            raise RuntimeError(f"{stage} failed: {ran.stderr[-2000:]}")
        found[stage] = int(json.loads(ran.stdout.splitlines()[-1])["over"])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    parser.add_argument("--shape", nargs="+", choices=SHAPES, default=list(SHAPES))
    parser.add_argument("--route", nargs="+", default=["-".join(r) for r in ROUTES], help="for instance postgresql-mariadb")
    parser.add_argument("--memory", default="512MiB", help="what the migration declares")
    parser.add_argument("--rows", type=int, help="instead of the shape's own number")
    asked = parser.parse_args()
    routes = [tuple(r.split("-")) for r in asked.route]
    print(f"| rows | route | {' | '.join(STAGES)} |")
    print(f"| --- | --- | {' | '.join('---:' for _ in STAGES)} |")
    with tempfile.TemporaryDirectory(prefix="penstock-memory-") as folder, bed([(r[0], r[1]) for r in routes], Path(folder)) as servers:
        for shape in asked.shape:
            for source, target in routes:
                here = Path(folder, f"{shape}-{source}-{target}")
                here.mkdir()
                from_ = servers._place(source, "source_memory")
                servers.make(from_)
                fill(from_, shape, asked.rows)
                found = measure(from_, servers.target(target), here, asked.memory)
                figures = " | ".join(f"{found[s] / (1 << 20):,.0f}" for s in STAGES)
                print(f"| {shape} | {LABELS[source]} → {LABELS[target]} | {figures} |", flush=True)
                subprocess.run(["rm", "-rf", str(here)], check=True)


if __name__ == "__main__":
    main()
