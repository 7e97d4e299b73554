"""`python -m benchmarks`: Penstock end to end beside its peers, in one table and one picture."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks import bed, contestants, medians, picture, race, table, tpch
from tools.postgresql_server import Missing


def main(argv: Sequence[str] | None = None) -> int:
    """Run the race that the arguments ask for and print what came out. 1 when Penstock itself could not finish, 2 for wrong usage."""
    args = _arguments(argv)
    absent = {name: why for name in args.only if (why := contestants.of(name).absent())}
    names = [n for n in args.only if n not in absent]
    try:
        tables = tpch.small(args.small) if args.small else tpch.named(args.tables.split(","))
        with tempfile.TemporaryDirectory(prefix="penstock-bench-", dir=args.folder) as folder, bed.bed(args.paths, Path(folder)) as stand:
            runs = race.race(stand, args.paths, names, tables, [args.scale], args.times, _tell)
            growing = [n for n in names if n in (medians.PENSTOCK, medians.LIMIT)]
            grown = race.race(stand, args.paths, growing, tables, args.growth, args.times, _tell) if args.growth else []
    except (Missing, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    found, larger = medians.lines(runs), medians.lines(grown)
    moved = f"{args.small:,} tables of 100 rows" if args.small else f"{', '.join(t.name for t in tables)} at scale {args.scale:g}"
    title = f"{moved}, medians of {args.times} interleaved runs, {os.cpu_count()} cores"
    print(f"\n{title}\n{bed.SETTINGS}\n{_versions(names)}\n\n{table.table(found)}\n\nWhere Penstock's time goes\n\n{table.stages(found)}\n")
    if larger:
        print(f"How it grows\n\n{table.growth(larger)}\n")
    print(f"Targets\n\n{table.targets(medians.targets(found, larger))}\n")
    for line in _left_out(args.paths, names, absent, [*runs, *grown]):
        print(line)
    if args.svg:
        args.svg.write_text(picture.svg(found, title))
        print(f"picture: {args.svg}")
    if args.json:
        args.json.write_text(json.dumps({"title": title, "settings": bed.SETTINGS, "runs": [asdict(r) for r in [*runs, *grown]]}, indent=1))
    return 1 if any(r.problem for r in [*runs, *grown] if r.contestant == medians.PENSTOCK) else 0


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    paths = {"-".join(p): p for p in bed.PATHS}
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Penstock end to end beside its peers, on TPC-H-like data.")
    parser.add_argument("--scale", type=float, default=0.03, help="of the data; 1 is about 6,000,000 lineitems (default: 0.03)")
    parser.add_argument("--times", type=int, default=3, help="runs of each contestant, interleaved (default: 3)")
    parser.add_argument("--tables", default="lineitem", help="names with commas between, or all (default: lineitem)")
    parser.add_argument("--small", type=int, default=0, metavar="COUNT", help="instead of these: so many tables of 100 rows")
    parser.add_argument("--paths", nargs="+", choices=paths, default=list(paths), metavar="PATH", help=f"of {', '.join(paths)}")
    names = contestants.names()
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="NAME", help=f"contestants, of {', '.join(names)}")
    parser.add_argument("--growth", nargs="+", type=float, default=[], metavar="SCALE", help="also Penstock and the pipe at these, as 1 10")
    parser.add_argument("--svg", type=Path, default=Path("bench.svg"), help="where the picture goes (default: bench.svg)")
    parser.add_argument("--json", type=Path, help="write every single run there")
    parser.add_argument("--folder", type=Path, help="where there is room for files (default: the system's temporary folder)")
    args = parser.parse_args(argv)
    args.paths = [paths[p] for p in args.paths]
    if args.times < 1 or min([args.scale, *args.growth]) <= 0:
        parser.error("--times, --scale and --growth are more than 0")
    return args


def _tell(run: race.Run) -> None:
    said = _last(run.problem) if run.problem else f"{run.seconds:8.1f} s {run.peak_mb:8,.0f} MB"
    print(f"{bed.label(run.path):24} {run.scale:6g}  {contestants.of(run.contestant).label:32} {said}", file=sys.stderr, flush=True)


def _last(problem: str) -> str:
    """The line of a failure that names it, mostly; --json has more."""
    return problem.splitlines()[-1][:300]


def _versions(names: Sequence[str]) -> str:
    return ", ".join(f"{contestants.of(n).label} {contestants.of(n).version()}".strip() for n in names if n != medians.UNPROVED)


def _left_out(paths: Sequence[bed.Path_], names: Sequence[str], absent: dict[str, str], runs: Sequence[race.Run]) -> list[str]:
    """Who did not run, or ran and failed, and why."""
    told = [f"left out: {contestants.of(n).label}: {why}" for n, why in absent.items()]
    for name in names:
        excuses = contestants.of(name).excuses
        told += [f"left out: {contestants.of(name).label}, {bed.label(p)}: {excuses[p]}" for p in paths if p in excuses]
    return told + [f"failed: {contestants.of(r.contestant).label}, {bed.label(r.path)}: {_last(r.problem)}" for r in runs if r.problem]


if __name__ == "__main__":
    # Stopped (by `timeout`, say), it stops its servers and takes its files away, as it does for Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
