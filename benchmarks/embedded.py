"""SQLite to DuckDB, end to end: Penstock with gates and proof on, beside pandas read_sql → to_sql, in one run.

    python benchmarks/embedded.py [ROWS] [TIMES]

The table is shaped like TPC-H's lineitem. Each contestant runs in a process of its own, in turns; medians are printed.
"""

from __future__ import annotations

import json
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SOURCE, TARGET = "lineitem.sqlite", "target.duckdb"


def build(folder: Path, rows: int) -> None:
    """A lineitem of `rows` rows, made by SQLite itself."""
    with sqlite3.connect(folder / SOURCE) as db:
        db.execute(
            "CREATE TABLE lineitem (l_orderkey BIGINT, l_linenumber BIGINT, l_partkey BIGINT, l_quantity DECIMAL(12,2),"
            " l_extendedprice DECIMAL(12,2), l_returnflag VARCHAR(1), l_shipdate DATE, l_shipmode VARCHAR(10), l_comment VARCHAR(44),"
            " PRIMARY KEY (l_orderkey, l_linenumber))"
        )
        db.execute(
            "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?) INSERT INTO lineitem"
            " SELECT i / 4, i % 4, i * 7 % 200000, i % 50 + 0.25, i * 911 % 9999999 / 100.0, substr('NRA', i % 3 + 1, 1),"
            " date('1992-01-01', (i % 2500) || ' days'), 'TRUCK', 'carefully final deposits ' || i FROM n",
            (rows,),
        )


def penstock(folder: Path) -> None:
    from penstock import run
    from penstock.connections import resolve
    from penstock.migration import load

    source, target = f"sqlite:///{folder}/{SOURCE}", f"duckdb:///{folder}/{TARGET}"
    (folder / "bench.yaml").write_text(f"name: bench\nsource: {source}\ntarget: {target}\n")
    run.run(load(folder / "bench.yaml"), "r", str(folder / "staging"), resolve(source), resolve(target), folder / "none")


def pandas(folder: Path) -> None:
    import pandas as pd
    import sqlalchemy as sa

    source, target = (sa.create_engine(u) for u in (f"sqlite:///{folder}/{SOURCE}", f"duckdb:///{folder}/{TARGET}"))
    for frame in pd.read_sql("SELECT * FROM lineitem", source, chunksize=50_000):
        frame.to_sql("lineitem", target, if_exists="append", index=False)


CONTESTANTS = {"Penstock, gates and proof on": "penstock", "pandas read_sql → to_sql": "pandas"}


def timed(folder: Path, name: str) -> dict[str, float]:
    """One run of a contestant in a process of its own: seconds, and its peak memory in MB."""
    for left in (TARGET, f"{TARGET}.wal"):
        (folder / left).unlink(missing_ok=True)
    subprocess.run(["rm", "-rf", str(folder / "staging")], check=True)
    done = subprocess.run([sys.executable, __file__, "--one", name, str(folder)], check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def one(name: str, folder: Path) -> None:
    began = time.monotonic()
    {"penstock": penstock, "pandas": pandas}[name](folder)
    seconds = time.monotonic() - began
    print(json.dumps({"seconds": seconds, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


def main() -> None:
    rows, times = (int(a) for a in [*sys.argv[1:], "500000", "3"][:2]) if len(sys.argv) != 2 else (int(sys.argv[1]), 3)
    with tempfile.TemporaryDirectory(prefix="penstock-bench-") as name:
        folder = Path(name)
        build(folder, rows)
        runs: dict[str, list[dict[str, float]]] = {c: [] for c in CONTESTANTS}
        for _ in range(times):
            for contestant, function in CONTESTANTS.items():
                runs[contestant].append(timed(folder, function))
        first = statistics.median(r["seconds"] for r in next(iter(runs.values())))
        print(f"SQLite → DuckDB, {rows:,} rows, medians of {times} interleaved runs\n")
        print(f"{'':32}{'seconds':>9}{'rows/s':>11}{'peak MB':>9}{'ratio':>7}")
        for contestant, found in runs.items():
            seconds = statistics.median(r["seconds"] for r in found)
            peak = statistics.median(r["peak"] for r in found)
            print(f"{contestant:32}{seconds:9.1f}{rows / seconds:11,.0f}{peak:9.0f}{seconds / first:7.2f}")


if __name__ == "__main__":
    one(sys.argv[2], Path(sys.argv[3])) if sys.argv[1:2] == ["--one"] else main()
