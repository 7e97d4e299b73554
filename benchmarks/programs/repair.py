"""What a repair costs against moving the table whole: the same edits at the source, brought to the target in both ways, in turns.

usage: python -m benchmarks.programs.repair [ROWS] [EDITS] [TIMES]      (1000000 100 3)

Half of the edits change a row, a quarter deletes one, a quarter adds one with a time of long ago, which no watermark tells: all of them
together in two places, then scattered over the whole table. Afterwards source and target are held against each other, row by row.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from benchmarks import bed, measure

PATHS: tuple[bed.Path_, ...] = (("mariadb", "postgresql"), ("postgresql", "mariadb"))
_MAKE = {
    "mariadb": "CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(60), amount DECIMAL(12,2), n BIGINT, at DATETIME)",
    "postgresql": "CREATE TABLE t (id int PRIMARY KEY, name varchar(60), amount numeric(12,2), n bigint, at timestamp)",
}
_FILL = {
    "mariadb": "INSERT INTO t SELECT seq * 2, concat('name of number ', seq), seq / 7, seq * 1000003, '2001-02-03' + INTERVAL seq SECOND"
    " FROM seq_1_to_{rows}",
    "postgresql": "INSERT INTO t SELECT n * 2, 'name of number ' || n, n / 7.0, n * 1000003::bigint,"
    " timestamp '2001-02-03' + n * interval '1 s' FROM generate_series(1, {rows}) AS n",
}
WAYS = ("whole", "repair: nothing differs", "repair: in two places", "repair: scattered")


def main() -> None:
    rows, edits, times = (int(a) for a in [*sys.argv[1:], *("1000000", "100", "3")[len(sys.argv) - 1 :]])
    with tempfile.TemporaryDirectory(prefix="penstock-bench-") as folder, bed.bed(PATHS, Path(folder)) as stand:
        for path in PATHS:
            took: dict[str, list[tuple[float, dict[str, Any]]]] = {way: [] for way in WAYS}
            source = stand.servers[path[0]].set(database="town")
            stand.make(source)
            _ask(source, _MAKE[path[0]], _FILL[path[0]].format(rows=rows))
            target = stand.target(path[1])
            for number in range(times):
                for way in WAYS:
                    if way.endswith(("places", "scattered")):
                        _ask(source, *_edits(rows, edits, way.endswith("scattered"), number))
                    took[way].append(_run(Path(folder) / f"{path[0]}-{number}-{WAYS.index(way)}", source, target, way))
                    assert _rows(source) == _rows(target), f"{way}: the target is not the source"
            print(f"\n{bed.label(path)}: {edits:,} edits of {rows:,} rows, n = {times}, in turns")
            for way, runs in took.items():
                found = runs[-1][1]
                seconds = statistics.median(s for s, _ in runs)
                print(f"  {way:24} {seconds:6.1f} s   {found['rows_in']:>9,} rows sent, {found['rows_out']:>9,} taken out")


def _edits(rows: int, edits: int, scattered: bool, number: int) -> list[str]:
    """Statements that change, delete and add rows; other ones for each number."""
    step = rows // edits if scattered else 1
    starts = [number * 7 + step * n for n in range(edits)]
    if not scattered:
        starts = [(rows // 3 if n % 2 else rows // 2) + number * edits + n for n in range(edits)]
    changed, deleted, late = (starts[part::4] for part in (0, 1, 2))
    changed += starts[3::4]
    told = [f"UPDATE t SET name = 'changed {number}' WHERE id IN ({', '.join(str(2 * n + 2) for n in changed)})"]
    told.append(f"DELETE FROM t WHERE id IN ({', '.join(str(2 * n + 2) for n in deleted)})")
    values = ", ".join(f"({2 * n + 3}, 'late', 0, {n}, '1999-01-01')" for n in late)
    return [*told, f"INSERT INTO t VALUES {values}"]


def _run(place: Path, source: sa.URL, target: sa.URL, way: str) -> tuple[float, dict[str, Any]]:
    """Seconds of one run, and how many rows it sent. Raises CommandFailed."""
    place.mkdir()
    ends = {end: url.render_as_string(hide_password=False) for end, url in (("source", source), ("target", target))}
    (place / "bench.yaml").write_text(json.dumps({"name": "bench", **ends, "tables": {"include": ["t"]}, "switch": {"keep_old": "0m"}}))
    command = [sys.executable, "-m", "penstock.cli", "run", "bench.yaml", "--run-id", place.name]
    command += ["--repair"] if way.startswith("repair") else []
    found = measure.run(command, place, {"PYTHONPATH": str(Path(__file__).parents[2])})
    (table,) = json.loads((place / "staging" / "bench" / place.name / "report.json").read_text())["tables"]
    return found.seconds, table["compared"] or {"rows_in": table["rows_loaded"], "rows_out": table["rows_loaded"]}


def _ask(url: sa.URL, *statements: str) -> None:
    with sa.create_engine(url, poolclass=sa.pool.NullPool).begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def _rows(url: sa.URL) -> list[tuple[Any, ...]]:
    with sa.create_engine(url, poolclass=sa.pool.NullPool).connect() as connection:
        return [tuple(row) for row in connection.exec_driver_sql("SELECT id, name, amount, n, at FROM t ORDER BY id")]


if __name__ == "__main__":
    main()
