"""Validate: the gates. Suites are decided in SQL, over staged files through DuckDB, or over the shadow tables.

What `built_in` finds met is met; Great Expectations decides about the rest.

Great Expectations lets some things pass that a gate must not: an expectation it can't read is dropped, one that crashes
counts as an ordinary failure, a column of NULLs only meets every rule about values. Each of these closes the gate here.
"""

from __future__ import annotations

import importlib.util
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow.fs as pafs
import sqlalchemy as sa

from penstock import databases
from penstock.errors import MigrationError, StagingDamaged
from penstock.migration import suites
from penstock.migration.suites import Expectation, Suite
from penstock.model.plan import TablePlan
from penstock.model.schema import TableName
from penstock.planning import switch_kinds
from penstock.runtime import events
from penstock.runtime.nearest import nearest
from penstock.stages.validate import built_in, failed_rows, gx, verdicts
from penstock.stages.validate.reflected import Reflected
from penstock.state import evidence, object_store, quarantine, recorded, staged_rows
from penstock.state.encrypted_files import Input, plain_size
from penstock.state.evidence import Outcome, Verdict
from penstock.state.lease import Lease
from penstock.state.run_context import RunContext
from penstock.state.staging import Receipt, Staging
from penstock.transforms._hidden_columns import hidden_columns

_TOLD = 5  # keys that are there more than once, at most


def gate(context: RunContext, stage: str) -> list[Verdict]:
    """Decide about every table that has rows at `stage`, and write the verdicts into the run's staging area.

    Raises GateClosed when a critical expectation is not met, MigrationError when a suite can't be understood.
    """
    context = context.with_readings()
    plans = [p for p in context.plan.tables if stage != "transformed" or p.steps]
    shapes = {p.name: p.source if stage == "extracted" else p.target for p in plans}
    asked = [suites.of(context.folder, p.name, stage, shapes[p.name], p.source_primary_key, p.bare) for p in plans]
    asked = [_in_full(suite, context.plan.tables) for suite in asked]
    read = {p.name: p.loaded_from if stage == "loaded" else stage for p in context.plan.tables}
    receipts = {p.name: context.staging.receipts(read[p.name], p.name, (c.number for c in p.chunks)) for p in context.plan.tables}
    if lost := [p.name for p in plans if stage != "loaded" and len(receipts[p.name]) < len(p.chunks)]:
        raise StagingDamaged.of_run(f"table {lost[0]}", f"the receipt of a chunk that was {stage} is not there: it was removed later")
    rows = {name: sum(r.rows for r in of) for name, of in receipts.items()}
    for plan in plans if stage == "loaded" else ():
        rows[plan.name] -= sum(m.rows for m in quarantine.manifests(context.staging, plan.name, [stage])) if plan.quarantines else 0
    sensitive = {p.name: hidden_columns(p, stage) for p in plans}
    keys = {p.name: shapes[p.name].key for p in plans}
    if stage == "loaded":
        lives = {p.name: p.target.name for p in context.plan.tables if switch_kinds.keeps_live(p)}
        asked = [_beside_live(suite, lives) for suite in asked]
        shadows = {p.name: p.shadow for p in context.plan.tables}
        decided = loaded(asked, context.endpoints.target, shadows, rows, sensitive, keys, context.folder, context.lease)
    else:
        area = staged_rows.ready(context).staging
        _refuse_damaged(area, stage, [r for of in receipts.values() for r in of])
        files = {name: [area.at(r.file) for r in of] for name, of in receipts.items() if of}
        locked = {area.at(r.file): key for of in receipts.values() for r in of if (key := area.key(r.file))}
        decided = staged(asked, files, rows, sensitive, area.filesystem, keys, context.shares.embedded, locked, context.folder)
    recorded.write(context, evidence.verdicts(stage), tuple(decided))
    if fault := verdicts.closed(decided):
        raise fault
    return decided


def _refuse_damaged(area: Staging, stage: str, receipts: Sequence[Receipt]) -> None:
    """Raise StagingDamaged when a file is gone or has another size: no expectation says that. Whoever loads it compares its bytes."""
    sizes = {f.path: int(f.size or 0) for f in area.files(stage)}
    for receipt in receipts:
        found = sizes.get(area.at(receipt.file))
        if found != receipt.bytes:
            said = "nothing" if found is None else f"{found} bytes"
            raise StagingDamaged.of(receipt.table, receipt.chunk, receipt.file, f"{receipt.bytes} bytes", said)


def staged(
    asked: Sequence[Suite],
    files: Mapping[str, Sequence[str | Path]],
    rows: Mapping[str, int],
    sensitive: Mapping[str, Collection[str]],
    filesystem: pafs.FileSystem | None = None,
    keys: Mapping[str, Sequence[str]] | None = None,
    memory: int = 256 << 20,
    locked: Mapping[str, bytes] | None = None,
    folder: Path | None = None,
) -> list[Verdict]:
    """Decide about staged tables: `files` are the Parquet files of each, on `filesystem` (None: this machine's).

    keys: what names a row of each, in examples.  memory: bytes of DuckDB.  locked: the key of each file that is encrypted.
    folder: of the suites, whose custom expectations are registered when they are needed.

    Decimals of more than 38 digits are looked at as floats. Raises StagingDamaged when a file can't be read.
    """
    # DuckDB lets its threads share a file that Python reads, and moves to a place and reads there in two calls: another thread's call
    # between them gives this one the bytes of another place. One thread has nobody between.
    alone = {"threads": 1} if locked else {}
    with tempfile.TemporaryDirectory(prefix="penstock-gate-") as own:
        engine = sa.create_engine(
            f"duckdb:///{own}/gate.duckdb",
            poolclass=sa.pool.NullPool,
            connect_args={"config": {"memory_limit": f"{memory} bytes", "temp_directory": f"{own}/spill", **alone}},
        )
        with engine.connect() as connection:  # kept open: the instance, and what is registered with it, lives as long
            prefix = _register_filesystem(connection, filesystem, locked or {})
            places = _apart(files)
            for schema in {p.schema for p in places.values()}:
                databases.execute(connection, f"CREATE SCHEMA {schema}")
            for table, paths in files.items():
                _view(connection, places[table], [f"{prefix}{p}" if prefix else _pattern(str(p)) for p in paths])
            connection.commit()
            return _decide(asked, engine, places, rows, sensitive, keys or {}, folder)


def loaded(
    asked: Sequence[Suite],
    url: sa.URL,
    names: Mapping[str, TableName],
    rows: Mapping[str, int],
    sensitive: Mapping[str, Collection[str]],
    keys: Mapping[str, Sequence[str]] | None = None,
    folder: Path | None = None,
    lease: Lease | None = None,
) -> list[Verdict]:
    """Decide about tables that stand at the target under `names`; otherwise as `staged`. Raises ConnectionFailed.

    lease: of the run. Its next holder ends the session, which else would keep it from the tables for as long as this process is paused.
    """
    engine = databases.connect(databases.of(url, target=True), url, "target")
    if lease is not None:
        lease.mark(engine)
    try:
        return _decide(asked, engine, names, rows, sensitive, keys or {}, folder)
    finally:
        engine.dispose()


def register(folder: Path) -> None:
    """Make the custom expectations that suites in `folder` can use known to Great Expectations."""
    for path in suites.modules(folder):
        name = f"penstock_expectations_{sha256(str(path).encode()).hexdigest()[:16]}"
        spec = importlib.util.spec_from_file_location(name, path)
        if name in sys.modules or spec is None or spec.loader is None:
            continue
        gx.load()
        sys.modules[name] = module = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
        except Exception as error:
            del sys.modules[name]
            why = f"{type(error).__name__}: {error}"
            raise MigrationError("a custom expectation can't be imported", where=str(path), why=why) from None


def _decide(
    asked: Sequence[Suite],
    engine: sa.Engine,
    places: Mapping[str, TableName],
    rows: Mapping[str, int],
    sensitive: Mapping[str, Collection[str]],
    keys: Mapping[str, Sequence[str]],
    folder: Path | None,
) -> list[Verdict]:
    decided, database, at = [], databases.of(engine.url), [places[s.table] for s in asked]
    with engine.connect() as connection, gx.when_needed(engine, at, lambda: register(folder) if folder else None) as validate:
        reflected = Reflected(connection, at)
        for suite in asked:
            events.emit("gate.started", table=suite.table, stage=suite.stage)
            began = time.monotonic()
            count, hidden = rows[suite.table], frozenset(sensitive.get(suite.table, ()))
            placed, table = _placed(suite, places), failed_rows.Table(places[suite.table], keys.get(suite.table, ()), hidden)
            results: dict[int, Any] = dict(built_in.met(connection, database, reflected, placed, table.place, count))
            if left := [n for n in range(len(suite.expectations)) if n not in results]:
                results |= validate(placed, table.place, count, left)
            outcomes = tuple(verdicts.outcome(suite, n, results.get(n), count, hidden) for n in range(len(suite.expectations)))
            outcomes = tuple(_with_keys(o, engine, table.place) if _repeats(o, hidden) else o for o in outcomes)
            outcomes = _with_examples(outcomes, placed, engine, validate, table, count)
            seconds = round(time.monotonic() - began, 3)
            verdict = Verdict(suite.table, suite.stage, suite.name, suite.sha256, verdicts.decide(outcomes), seconds, outcomes)
            events.emit("gate.decided", table=suite.table, stage=suite.stage, decision=verdict.decision, seconds=seconds)
            decided.append(verdict)
    return decided


def _with_examples(
    outcomes: Sequence[Outcome],
    suite: Suite,
    engine: sa.Engine,
    validate: gx.Validate,
    table: failed_rows.Table,
    rows: int,
) -> tuple[Outcome, ...]:
    """The outcomes, those that were not met with some of the rows that broke them."""
    told = list(outcomes)
    broken = [n for n, o in enumerate(outcomes) if failed_rows.wanted(o, suite.expectations[n], table)]
    for n in (n for n in broken if failed_rows.is_foreign_key(outcomes[n])):
        told[n] = failed_rows.orphans(outcomes[n], suite.expectations[n], engine, table)
    if mapped := [n for n in broken if failed_rows.is_map(outcomes[n])]:
        results = validate(suite, table.place, rows, mapped, failed_rows.format_of(table))
        for n in mapped:
            found = results.get(n)
            told[n] = failed_rows.told(outcomes[n], (found and found.result) or {}, table)
    return tuple(told)


def _repeats(outcome: Outcome, hidden: frozenset[str]) -> bool:
    """Whether keys are repeated, and may be told."""
    return outcome.code == "penstock.key" and not outcome.success and not outcome.crashed and not hidden & set(outcome.columns)


def _with_keys(outcome: Outcome, engine: sa.Engine, place: TableName) -> Outcome:
    """`outcome` with some of the keys that are there more than once: of texts that look alike, or of moments written in two zones, too."""
    database = databases.of(engine.url)
    fields = ", ".join(databases.quote(database, c) for c in outcome.columns)
    query = (
        f"SELECT {fields} FROM {databases.qualified(database, place)} GROUP BY {fields} HAVING count(*) > 1 ORDER BY {fields} LIMIT {_TOLD}"
    )
    with engine.connect() as connection:
        found = databases.execute(connection, query).fetchall()
    keys = "; ".join(", ".join(f"{c}={v}" for c, v in zip(outcome.columns, row, strict=True)) for row in found)
    return replace(outcome, observed=f"{outcome.unexpected} of {outcome.elements} not unique: {keys}") if keys else outcome


def _in_full(suite: Suite, tables: Sequence[TablePlan]) -> Suite:
    """`suite` with each `ref_table` that leaves out the schema written in full. Raises MigrationError when several schemas have one."""

    def put(number: int, expectation: Expectation) -> Expectation:
        written = expectation.get("kwargs", {}).get("ref_table")
        meant = [t.name for t in tables if written in (t.name, t.bare)]
        if written is None or written in meant or not meant:
            return expectation
        if len(meant) > 1:
            what = f"several schemas have a table {written!r}"
            raise MigrationError(what, where=suite.place(number), fix=f"write {' or '.join(meant)}")
        return {**expectation, "kwargs": {**expectation["kwargs"], "ref_table": meant[0]}}

    return replace(suite, expectations=tuple(put(n, e) for n, e in enumerate(suite.expectations)))


def _beside_live(suite: Suite, lives: Mapping[str, TableName]) -> Suite:
    """`suite` with each `ref_table` whose rows go into a live table looked for there too: the run has only what is new of it."""

    def put(expectation: Expectation) -> Expectation:
        kwargs = expectation.get("kwargs", {})
        live = lives.get(kwargs.get("ref_table"))
        told = {"live_table": live.name, "live_schema": live.schema} if live else {}
        return {**expectation, "kwargs": kwargs | told} if told else expectation

    return replace(suite, expectations=tuple(map(put, suite.expectations)))


def _placed(suite: Suite, places: Mapping[str, TableName]) -> Suite:
    """`suite` with each `ref_table` standing where this stage has it."""

    def put(number: int, expectation: Expectation) -> Expectation:
        table = expectation.get("kwargs", {}).get("ref_table")
        if table is None:
            return expectation
        if table not in places:
            what = f"it refers to {table!r}, which is no table of this run"
            raise MigrationError(what, where=suite.place(number), fix=nearest(str(table), places))
        place = places[table]
        return {**expectation, "kwargs": {**expectation["kwargs"], "ref_table": place.name, "ref_schema": place.schema}}

    return replace(suite, expectations=tuple(put(n, e) for n, e in enumerate(suite.expectations)))


def _register_filesystem(connection: sa.Connection, filesystem: pafs.FileSystem | None, locked: Mapping[str, bytes]) -> str:
    """Let DuckDB read from `filesystem`; the prefix of its paths, empty for this machine's disk. locked: the keys of encrypted files."""
    if not locked and (filesystem is None or isinstance(filesystem, pafs.LocalFileSystem)):
        return ""
    files = filesystem or pafs.LocalFileSystem()
    from fsspec.implementations.arrow import ArrowFSWrapper  # type: ignore[import-untyped]

    class Staged(ArrowFSWrapper):  # type: ignore[misc]
        protocol = "penstock"

        @classmethod
        def _strip_protocol(cls, path: str) -> str:
            return path.removeprefix("penstock://")

        def info(self, path: str, **options: Any) -> dict[str, Any]:
            found: dict[str, Any] = super().info(path, **options)
            return found | {"size": plain_size(found["size"])} if self._strip_protocol(path) in locked else found

        def _open(self, path: str, mode: str = "rb", *given: Any, **options: Any) -> Any:
            key = locked.get(path := self._strip_protocol(path))
            opened = files.open_input_file(path)
            file = opened if isinstance(files, pafs.LocalFileSystem) else object_store.content(opened)
            return Input(file, key) if key else file

        def glob(self, path: str, **_: Any) -> list[str]:
            return [f"penstock://{self._strip_protocol(path)}"]  # a path, never a pattern

    connection.connection.driver_connection.register_filesystem(Staged(files))  # type: ignore[union-attr]
    return "penstock://"


def _apart(tables: Iterable[str]) -> dict[str, TableName]:
    """A place for each table: all in one schema, but for names that differ in case only."""
    seen: Counter[str] = Counter()
    places = {}
    for table in tables:
        places[table] = TableName(table, f"s{seen[table.lower()]}")
        seen[table.lower()] += 1
    return places


def _view(connection: sa.Connection, place: TableName, paths: Sequence[str]) -> None:
    target = databases.of(connection.engine.url)
    listed = ", ".join("'" + p.replace("'", "''") + "'" for p in paths)
    try:
        select = f"SELECT * FROM read_parquet([{listed}], hive_partitioning = false)"
        databases.execute(connection, f"CREATE VIEW {databases.qualified(target, place)} AS {select}")
    except sa.exc.DBAPIError as error:
        why = str(error.orig).splitlines()[0]
        fix = "start a new run, which reads the source again"
        raise StagingDamaged(f"a staged file of {place.name} can't be read", where=f"table {place.name}", why=why, fix=fix) from None


def _pattern(path: str) -> str:
    """A path as the pattern that matches it alone."""
    return re.sub(r"([\[*?])", r"[\1]", path)
