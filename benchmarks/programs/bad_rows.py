"""What bad rows cost: a table moved three ways in turns, with every bad row looked for in quarantine afterwards.

usage: python -m benchmarks.programs.bad_rows [ROWS] [BAD] [TIMES]      (1000000 1000 3)

The ways: without a bad row, where one would stop the run; without one, where they go to quarantine; and with BAD of them.
The tables: one whose bad rows the sieve finds, one whose bad rows a step can't be applied to, and one whose bad rows only
the target refuses, so that they are isolated by halving. CPU seconds are those of the client and of both servers.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.parquet as pq
import sqlalchemy as sa

from benchmarks import bed, measure
from benchmarks.bed import Bed


@dataclass(frozen=True)
class Case:
    """A table, and what is bad in some of its rows. bad: (SQL that makes a row bad, the reason that quarantine must then give)."""

    name: str
    path: bed.Path_
    make: str
    fill: str
    bad: tuple[tuple[str, str], ...]
    steps: tuple[dict[str, object], ...] = ()
    before: tuple[str, ...] = field(default=())


_MARIADB = "CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(60), size ENUM('s', 'm'), n VARCHAR(20), amount DECIMAL(12,2), at DATETIME(6))"
_FILLED = (
    "INSERT INTO t SELECT seq, concat('name of number ', seq), 'm', seq, seq / 7, '2001-02-03' + INTERVAL seq SECOND FROM seq_1_to_{rows}"
)
CASES = (
    Case(
        "found by the sieve",
        ("mariadb", "postgresql"),
        _MARIADB,
        _FILLED,
        (
            ("name = concat(name, char(0))", "a NUL character, which a text of PostgreSQL can't have"),
            ("size = 'xl'", "not one of the column's labels"),
        ),
        before=("SET sql_mode = ''",),
    ),
    Case(
        "a cast that can't be",
        ("mariadb", "postgresql"),
        _MARIADB,
        _FILLED,
        (("n = concat(n, 'x')", "n can't be cast to int32"),),
        ({"cast": {"n": "int32"}},),
    ),
    Case(
        "refused by the target",
        ("postgresql", "mariadb"),
        "CREATE TABLE t (id int PRIMARY KEY, name varchar(60), n text, amount numeric(12,2), at timestamptz)",
        "INSERT INTO t SELECT n, 'name of number ' || n, n, n / 7.0, timestamptz '2001-02-03 04:05+00' + n * interval '1 second'"
        " FROM generate_series(1, {rows}) AS n",
        (("at = '2040-01-01 00:00+00'", "Out of range value for column 'at'"),),
    ),
)
WAYS = ("clean, stop", "clean, quarantine", "bad, quarantine")


def main() -> None:
    rows, bad, times = (int(a) for a in [*sys.argv[1:], *("1000000", "1000", "3")[len(sys.argv) - 1 :]])
    with tempfile.TemporaryDirectory(prefix="penstock-bench-") as folder, bed.bed([c.path for c in CASES], Path(folder)) as stand:
        for case in CASES:
            sources = {spoilt: _source(stand, case, rows, bad if spoilt else 0) for spoilt in (False, True)}
            took: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
            for number in range(times):
                for way in WAYS:
                    place = Path(folder) / f"{CASES.index(case)}-{number}-{WAYS.index(way)}"
                    took[way].append(_run(stand, case, sources[way.startswith("bad")], way, bad, place))
                    if way.startswith("bad"):
                        _look(stand, case, place, rows, bad)
            _tell(case, rows, bad, took)


def _source(stand: Bed, case: Case, rows: int, bad: int) -> sa.URL:
    url = stand.servers[case.path[0]].set(database="spoilt" if bad else "clean")
    stand.make(url)
    step = rows // bad if bad else 0
    with sa.create_engine(url, poolclass=sa.pool.NullPool).begin() as connection:
        for statement in (*case.before, case.make, case.fill.format(rows=rows)):
            connection.exec_driver_sql(statement)
        for number, (change, _) in enumerate(case.bad if bad else ()):
            which = f"id %% {step} = 0 AND (id DIV {step}) %% {len(case.bad)} = {number}"
            which = which if case.path[0] == "mariadb" else which.replace(" DIV ", " / ")
            connection.exec_driver_sql(f"UPDATE t SET {change} WHERE {which}")
    return url


def _run(stand: Bed, case: Case, source: sa.URL, way: str, bad: int, place: Path) -> tuple[float, float]:
    """Wall and CPU seconds of one run. Raises CommandFailed."""
    target = stand.target(case.path[1])
    place.mkdir()
    ends = {end: url.render_as_string(hide_password=False) for end, url in (("source", source), ("target", target))}
    rule: dict[str, object] = {"action": "stop"} if way.endswith("stop") else {"action": "quarantine", "at_most": bad}
    said = {"name": "bench", **ends, "bad_rows": rule, "tables": {"t": {"transform": list(case.steps)}}}
    (place / "bench.yaml").write_text(json.dumps(said))
    before = _servers(stand)
    program = Path(__file__).parent / "move_with_penstock.py"
    found = measure.run([sys.executable, str(program), "bench.yaml"], place, {"PYTHONPATH": str(Path(__file__).parents[2])})
    time.sleep(1)  # until the backends are gone, and counted
    return found.seconds, found.cpu_seconds + _servers(stand) - before


def _servers(stand: Bed) -> float:
    """CPU seconds of the servers so far, those of their ended children included. Fields 14 to 17 of /proc/*/stat."""
    ports = [f"{flag}{url.port}" for url in stand.servers.values() for flag in ("--port=", "-p\0", "-p ")]
    total = 0
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and any(p in (entry / "cmdline").read_text() for p in ports):
                total += sum(map(int, (entry / "stat").read_text().rpartition(")")[2].split()[11:15]))
        except OSError:  # it has just ended
            continue
    return total / 100


def _look(stand: Bed, case: Case, place: Path, rows: int, bad: int) -> None:
    """Every bad row is in quarantine with its reason, and every other is live. Raises AssertionError."""
    staged = place / "staging" / "bench" / "bench"
    held = [r for f in staged.glob("quarantine/t/*.parquet") for r in pq.read_table(f).select(["key", "reason"]).to_pylist()]
    assert {r["key"] for r in held} == {f"id={i}" for i in range(rows // bad, rows + 1, rows // bad)}, "other rows than the bad ones"
    reasons = Counter(r["reason"] for r in held)
    assert sum(reasons.values()) == bad and len(reasons) == len(case.bad), reasons
    assert all(any(r.startswith(why) for _, why in case.bad) for r in reasons), reasons
    url = stand.servers[case.path[1]].set(database="target")
    with sa.create_engine(url, poolclass=sa.pool.NullPool).connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM t").scalar_one() == rows - bad
    assert all(p["holds"] for p in json.loads((staged / "proof.json").read_text()))


def _tell(case: Case, rows: int, bad: int, took: dict[str, list[tuple[float, float]]]) -> None:
    print(f"\n{case.name}: {bed.label(case.path)}, {bad:,} bad of {rows:,} rows, n = {len(took[WAYS[0]])}, in turns")
    for way in WAYS:
        wall, cpu = zip(*took[way], strict=True)
        print(f"  {way:<18} {statistics.median(cpu):7.2f} CPU s  {statistics.median(wall):7.2f} s  cpu {[round(c, 2) for c in cpu]}")
    for one, other in ((1, 0), (2, 1), (2, 0)):
        ratios = [b[1] / a[1] for a, b in zip(took[WAYS[other]], took[WAYS[one]], strict=True)]
        told = f"{statistics.median(ratios):.2f} of the CPU, {[round(r, 2) for r in ratios]}"
        walls = [b[0] / a[0] for a, b in zip(took[WAYS[other]], took[WAYS[one]], strict=True)]
        print(f"  {WAYS[one]} / {WAYS[other]}: {told}; {statistics.median(walls):.2f} of the time")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
