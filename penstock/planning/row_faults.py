"""The rows at the target that are not those that were expected, by their keys; and the lines of a proof that does not hold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace

import duckdb
import pyarrow as pa
import sqlalchemy as sa

from penstock.errors import DifferentValue, ExtraRow, GateClosed, MissingRow, RowFault
from penstock.model import row_diff
from penstock.model.digest import Digest
from penstock.model.plan import Chunk, TablePlan
from penstock.model.schema import Column
from penstock.planning.statements import readback_select
from penstock.state.evidence import Difference, Proof, TableProof
from penstock.state.run_context import RunContext
from penstock.transforms._hidden_columns import hidden_columns

NAMED = 20
"""How many rows are named."""


def find(
    context: RunContext, connection: sa.Connection, plan: TablePlan, piece: Chunk | None, expected: Iterable[pa.RecordBatch]
) -> list[Difference]:
    """The rows of a piece of a shadow that differ from those that are expected: see `TablePlan.readback_units`.

    By their key, or by the whole row where the table has none; in the caller's transaction.
    """
    columns = plan.target.columns
    found = context.target.read(connection, readback_select(plan, context.target, piece, plan.shadow), columns)
    with row_diff.beside(columns, expected, found) as compare:
        keys = [i for i, c in enumerate(columns) if c.name in plan.target_key]
        faults = _keyed(compare, plan, columns, keys) if keys else _keyless(compare, plan, columns)
    return [_named(plan, fault) for fault in faults]


def _keyed(compare: duckdb.DuckDBPyConnection, plan: TablePlan, columns: Sequence[Column], keys: list[int]) -> list[RowFault]:
    match = row_diff.same(keys)
    shown = ", ".join(f"coalesce(s.c{i}, t.c{i})::VARCHAR" for i in keys)
    unequal = row_diff.unequal(columns)
    differs = " OR ".join(unequal)
    values = ", ".join(f"CASE WHEN {other} THEN [s.c{i}::VARCHAR, t.c{i}::VARCHAR] END" for i, other in enumerate(unequal))
    k = keys[0]
    query = (
        f"SELECT [{shown}], s.place IS NULL, t.place IS NULL, {values}"
        f" FROM staged_rows AS s FULL JOIN target_rows AS t ON {match}"
        f" WHERE s.place IS NULL OR t.place IS NULL OR {differs} ORDER BY coalesce(s.c{k}, t.c{k}) LIMIT {NAMED}"
    )
    faults: list[RowFault] = []
    for key_values, extra, missing, *pairs in compare.execute(query).fetchall():
        key = ", ".join(f"{columns[i].name}={v}" for i, v in zip(keys, key_values, strict=True))
        if missing:
            faults.append(MissingRow(plan.name, key))
        elif extra:
            faults.append(ExtraRow(plan.name, key))
        for column, pair in zip(columns, pairs, strict=True):
            if pair is not None and not (missing or extra):
                faults.append(DifferentValue(plan.name, key, column.name, str(pair[0]), str(pair[1])))
    return faults


def _keyless(compare: duckdb.DuckDBPyConnection, plan: TablePlan, columns: Sequence[Column]) -> list[RowFault]:
    """A table without a key is a multiset: rows that one side has more often than the other."""
    names = ["'" + c.name.replace("'", "''") + "'" for c in columns]
    row = "concat_ws(', ', " + ", ".join(f"{name} || '=' || coalesce(c{i}::VARCHAR, 'NULL')" for i, name in enumerate(names)) + ")"
    faults: list[RowFault] = []
    for kind, one, other in ((MissingRow, "staged", "target"), (ExtraRow, "target", "staged")):
        query = f"SELECT {row} FROM {one}_rows EXCEPT ALL SELECT {row} FROM {other}_rows LIMIT {NAMED}"
        faults += [kind(plan.name, text) for (text,) in compare.execute(query).fetchall()]
    return faults


def _named(plan: TablePlan, fault: RowFault) -> Difference:
    """A fault as the report shows it: values of sensitive columns withheld."""
    found, hidden = Difference(fault=type(fault).__name__, **asdict(fault)), hidden_columns(plan, "loaded")
    if found.column in hidden:
        found = replace(found, staged="(sensitive)", target="(sensitive)")
    if hidden & set(plan.target_key) or (hidden and not plan.target_key):
        found = replace(found, key="(sensitive)")
    return found


def closed(proof: Proof, why: str, fix: str) -> GateClosed | None:
    """The fault of a proof that does not hold for every table; None where it does."""
    broken = [p for p in proof.tables if not p.holds]
    if not broken:
        return None
    what, failed = f"the proof does not hold for {', '.join(p.table for p in broken)}", [line for p in broken for line in _lines(p)]
    return GateClosed(what, why=why, fix=fix, stage="proof", failed=failed)


def _lines(proof: TableProof) -> list[str]:
    lines = [f"{proof.table}: {proof.broken}"] if proof.broken else []
    lines += [f"{proof.table}: {difference}" for difference in (proof.schema.unannounced if proof.schema else ())]
    if not proof.balanced:
        books = f"{proof.rows_read} read, {proof.rows} loaded, {proof.filtered} filtered, {proof.rejected} rejected"
        lines.append(f"{proof.table}: the books do not balance: {books}")
    if not proof.met:
        left_out = f", in quarantine {proof.quarantined}" if proof.quarantined != str(Digest()) else ""
        lines.append(f"{proof.table}: digest staged {proof.staged}, at the target {proof.target}{left_out}")
    return lines + [f"{proof.table}: {fault}" for fault in proof.faults]
