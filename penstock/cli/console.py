"""What the command line shows: progress during a run, tables when it ends. Names are shown without control characters, values never."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from penstock.cli import problem_groups
from penstock.model import pipeline
from penstock.model.pipeline import PIPELINE, Stage
from penstock.model.plan import Plan
from penstock.model.schema_summary import SchemaSummary
from penstock.planning.preflight.result import PreflightResult
from penstock.runtime import events
from penstock.runtime.formatting import NONE, count, number, seconds, size
from penstock.state import plan_file, run_files
from penstock.state.quarantine import Entry
from penstock.state.staging import Staging

if TYPE_CHECKING:
    from penstock.stages.coverage.coverage import Cell

_ROWS = {stage.counts: stage for stage in PIPELINE if stage.counts}
"""The events that count rows, and the stages that a bar is drawn for."""
_FANNED = frozenset(stage.name for stage in PIPELINE if stage.fan_out)
"""Their `finished` comes once a group or table: the bar says as much."""
_FINISHED = frozenset(name for stage in PIPELINE for name in stage.emits if name.endswith(".finished"))
_SHORT = 60
_FOUND = {"transformed": "transform", "loaded": "load"}
_GATE = {"go": "open", "warn": "warned", "stop": "closed"}
_SAID: dict[str, Callable[[dict[str, Any]], str]] = {
    "plan.written": lambda f: f"{count(f['tables'], 'table')} in {count(f['chunks'], 'chunk')}",
    "extract.finished": lambda f: f"{f['table']}: {count(f['rows'], 'row')}",
    "gate.decided": lambda f: f"{f['table']}, {f['stage']}: {_GATE[f['decision']]}",
    "transform.finished": lambda f: count(f["chunks"], "chunk"),
    "prepare.finished": lambda f: f"{count(f['tables'], 'shadow table')} created",
    "load.finished": lambda f: count(f["chunks"], "chunk"),
    "build.finished": lambda f: f"{count(f['statements'], 'statement')} run",
    "prove.finished": lambda f: f"{f['held']:,} of {f['tables']:,} hold",
    "quarantine.written": lambda f: f"{f['table']}: {count(f['rows'], 'bad row')}",
    "redrive.finished": lambda f: f"{f['table']}: {count(f['rows'], 'row')} live, {f['left']:,} left",
    "switch.finished": lambda f: f"{count(f['tables'], 'table')} live",
    "undo.finished": lambda f: f"{count(f['tables'], 'table')} restored",
}


def shown(text: object) -> str:
    """`text` with control characters, which a terminal would obey, written as escapes."""
    return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in str(text))


def console(stderr: bool = False) -> Console:
    made = Console(stderr=stderr, markup=False, highlight=False, emoji=False, soft_wrap=False)
    return made if made.is_terminal else Console(stderr=stderr, markup=False, highlight=False, emoji=False, width=200)


class Progressing(Protocol):
    """A subscriber to events that shows them. `stop` ends what it draws, so that a question can be asked."""

    def __call__(self, name: str, facts: dict[str, Any]) -> None: ...

    def stop(self) -> None: ...


class Lines:
    """A line for each stage event: for logs."""

    def __init__(self, to: Console) -> None:
        self._to = to
        self._rows: Counter[str] = Counter()

    def __call__(self, name: str, facts: dict[str, Any]) -> None:
        if name == "extract.chunk":
            self._rows[facts["table"]] += facts["rows"]
        if said := _said(name, facts, self._rows):
            self._to.print(f"{dt.datetime.now():%H:%M:%S}  {said}", soft_wrap=True)

    def stop(self) -> None:
        pass


class Bars:
    """A bar for each stage that moves rows, a line for each that doesn't."""

    def __init__(self, to: Console, area: Staging) -> None:
        columns = (TextColumn("{task.description:<10}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[unit]}"))
        self._drawn = Progress(*columns, TimeElapsedColumn(), console=to)
        self._area = area
        self._plan: Plan | None = None
        self._bars: dict[str, TaskID] = {}
        self._rows: Counter[str] = Counter()
        self._drawn.start()

    def __call__(self, name: str, facts: dict[str, Any]) -> None:
        if stage := _ROWS.get(name):
            self._advance(stage, facts["rows"], "rows")
        elif name == "gate.decided":
            self._advance(pipeline.named(f"gate_{facts['stage']}"), 1, "tables")
            if facts["decision"] != "go":
                self._drawn.print(_said(name, facts, self._rows))
        elif name.partition(".")[0] not in _FANNED and (said := _said(name, facts, self._rows)):
            self._drawn.print(said)

    def _advance(self, stage: Stage, by: int, unit: str) -> None:
        if stage.name not in self._bars:
            self._full()
            shown_as = stage.name.replace("_", " ")
            self._bars[stage.name] = self._drawn.add_task(shown_as, total=self._total(stage, unit), unit=unit)
        self._drawn.advance(self._bars[stage.name], by)

    def _total(self, stage: Stage, unit: str) -> int:
        self._plan = self._plan or plan_file.read(self._area)
        tables = stage.tables(self._plan)
        return len(tables) if unit == "tables" else sum(t.rows for t in tables)

    def _full(self) -> None:
        """What a stage counted is what there was: a resumed run does the rest only, and filters leave rows out."""
        for bar in self._bars.values():
            self._drawn.update(bar, total=self._drawn.tasks[bar].completed)
            self._drawn.stop_task(bar)

    def stop(self) -> None:
        self._full()
        self._drawn.stop()


def _said(name: str, facts: dict[str, Any], rows: Counter[str]) -> str:
    if name in _SAID:
        facts = {"rows": rows[facts["table"]], **facts} if name == "extract.finished" else facts
        words = _SAID[name](facts)
    elif name in _FINISHED:
        words = ", ".join(f"{key} {value}" for key, value in facts.items())
    else:
        return ""
    return f"{name.partition('.')[0]:<10} {shown(words)}"


@contextmanager
def progress(area: Staging) -> Iterator[Progressing]:
    """Show the events of the with block: bars on a terminal, lines elsewhere, both on stderr."""
    to = console(stderr=True)
    showing: Progressing = Bars(to, area) if to.is_terminal else Lines(to)
    try:
        with events.subscribed(showing):
            yield showing
    finally:
        showing.stop()


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], right: Sequence[str] = ()) -> None:
    """Print a table; columns named in `right` hold figures."""
    drawn = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        drawn.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*(shown(cell) for cell in row))
    console().print(drawn)


def preflight(found: PreflightResult, verbose: bool = False) -> None:
    """Print what preflight found, blocking problems first, what becomes of the schema, and the estimate.

    verbose: each problem and each difference of the schema, however many there are.
    """
    if found.problems:
        lines = problem_groups.lines(found.problems, verbose)
        rows = [("✗ blocks" if line.blocking else "· warning", line.area, line.where, line.what, line.fix) for line in lines]
        table(("", "area", "where", "what", "what to do"), rows)
        print()
    schema(found.schema, verbose)
    for line in found.estimate.lines() if found.estimate else ():
        print(shown(line))


def schema(found: SchemaSummary, verbose: bool) -> None:
    """Print how many objects of the source's schema are carried, declared, adapted and lost."""
    if not found.counts:
        return
    columns = ("object", "carried", "declared", "adapted", "lost")
    table(columns, [(c.object, *map(number, (c.carried, c.declared, c.adapted, c.lost))) for c in found.counts], columns[1:])
    print()
    if verbose and found.differences:
        rows = [(d.table, d.thing(), d.property, d.source, d.target, d.result, d.reason) for d in found.differences]
        table(("table", "object", "property", "source", "target", "result", "reason"), rows)
        print()
    elif found.differences:
        print(f"{count(len(found.differences), 'difference')} of the schema (list: --verbose)\n")


def plan(made: Plan, statements: dict[str, list[str]]) -> None:
    """Print what a run would do: tables, chunks, statements."""
    print(shown(f"{made.migration}: {made.source} ({made.source_version}) → {made.target} ({made.target_version})"))
    whole = "one snapshot for all tables" if made.consistency == "run" else "one snapshot for each table"
    limits = [made.at_most, *(t.at_most for t in made.tables if t.quarantines)]
    bad = "bad rows go to quarantine, up to a limit" if any(n is not None for n in limits) else "a bad row stops the run"
    print(f"{whole}; {bad}; switch by {made.how}{', after an approval' if made.approval else ''}\n")
    rows = [
        (t.name, t.target.name, number(t.rows), size(t.rows * t.row_bytes), number(len(t.chunks)), ", ".join(n for n, _ in t.steps) or NONE)
        for t in made.tables
    ]
    table(("table", "becomes", "rows", "bytes", "chunks", "transforms"), rows, ("rows", "bytes", "chunks"))
    for stage, texts in statements.items():
        print(f"\n-- {stage}" + "".join(f"\n{shown(text)};" for text in texts))


_MARKS = {"proven": "■", "waiting": "◧", "stale": "◪", "failed": "✗", "missing": "·"}


def coverage(cells: Sequence[Cell]) -> None:
    """Print the coverage of every table: its intervals as a strip, and a line for each that is not proven."""
    by_table: dict[str, list[Cell]] = {}
    for cell in cells:
        by_table.setdefault(cell.table, []).append(cell)
    rows = []
    for name, own in by_table.items():
        states: Counter[str] = Counter(c.state for c in own)
        told = ", ".join(f"{states[s]:,} {s}" for s in _MARKS if states[s])
        rows.append((name, "".join(_MARKS[c.state] for c in own), told, number(sum(c.rows or 0 for c in own))))
    table(("table", "in order of time", "", "rows"), rows, ("rows",))
    open_ = [c for c in cells if c.state != "proven"]
    if open_:
        print()
        table(("table", "interval", "state", "why"), [(c.table, c.interval or "whole", c.state, c.why) for c in open_[:_LISTED]])
    if len(open_) > _LISTED:
        print(f"and {len(open_) - _LISTED:,} more; --json has all")


_LISTED = 40


def quarantine(entries: Sequence[Entry]) -> None:
    """Print quarantined rows, a line each."""
    columns = ("table", "found by", "key", "column", "why", "value")
    table(
        columns,
        [(e.table, _FOUND[e.stage], e.key or f"row {e.place} of chunk {e.chunk}", e.column, e.reason, _short(e.value)) for e in entries],
    )


def _short(value: str | None) -> str:
    text = "NULL" if value is None else repr(value)
    return text if len(text) <= _SHORT else f"{text[:_SHORT]}…"


def closing(report: dict[str, Any], url: str) -> None:
    """Print how a run ended: the table of tables, the verdict, and where the report is."""
    rows = [
        (
            t["table"],
            number(t["rows_read"]),
            number(t["rows_loaded"]),
            size(t["bytes"]),
            seconds(sum(s or 0 for s in t["seconds"].values())),
            number(t["rows_per_second"]),
            _GATE.get(t["gates"], NONE),
            t["proof"] or NONE,
        )
        for t in report["tables"]
    ]
    totals = report["totals"]
    figures = (number(totals["rows_read"]), number(totals["rows_loaded"]), size(totals["bytes"]), seconds(totals["seconds"]))
    if len(rows) > 1:
        rows.append(("all", *figures, number(totals["rows_per_second"]), "", ""))
    print()
    if rows:
        columns = ("table", "rows in", "rows out", "bytes", "time", "rows/s", "gates", "proof")
        table(columns, rows, columns[1:6])
        print()
    print(shown(f"{report['outcome']}: {report['headline']}"))
    print(f"report: {url}/{run_files.REPORT_PAGE}\n        {url}/{run_files.REPORT}")
