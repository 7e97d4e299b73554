"""A run of many tables, as its stages would have left it in its staging area: for what a report of them costs."""

from __future__ import annotations

from pathlib import Path

from penstock.model.plan import Plan, TablePlan
from penstock.model.schema import Column, Table, TableName, Type
from penstock.state import previous_run, progress, run_log
from penstock.state.staging import Receipt, Staging, of

_DIGEST = "1000:" + "ab" * 16


def staged(root: Path, run: str = "r1", tables: int = 1000, columns: int = 10, rows: int = 1000) -> Staging:
    """The area of a run that has switched so many tables. Every hundredth has rows in quarantine and a gate that warned."""
    area = of(str(root), "many", run)
    plan = _plan(run, tables, columns, rows)
    previous_run.remember(area)
    progress.expect(area, plan)
    area.write_text(plan.to_json().decode(), "plan.json")
    for table in plan.tables:
        area.write_receipt(Receipt(table.name, "extracted", 0, rows, rows, _DIGEST, bytes=40_000, seconds=0.01, file="x", sha256="0" * 64))
    for stage in ("extracted", "loaded"):
        area.write_json([_verdict(t, stage, n, rows) for n, t in enumerate(plan.tables)], "verdicts", f"{stage}.json")
    area.write_json([_proof(t, rows) for t in plan.tables], "proof.json")
    moves = [[str(t.target.name), str(t.shadow), None] for t in plan.tables]
    area.write_json({"state": "switched", "at": "2026-01-01T00:00:00+00:00", "token": "t", "keep_until": "2026-01-08T00:00:00+00:00", "moves": moves}, "switch.json")  # fmt: skip
    for stage in ("plan", "extract", "gate_extracted", "prepare", "load", "build", "gate_loaded", "prove", "switch", "verify", "finish"):
        with run_log.stage(area, stage):
            pass
    return area


def _plan(run: str, tables: int, columns: int, rows: int) -> Plan:
    shape = tuple(Column(f"column_{n}", Type("int64" if n % 3 else "string"), nullable=bool(n), native="INTEGER") for n in range(columns))
    ends = {"source": "sqlite:////x.sqlite", "target": "postgresql://x/y", "source_version": "SQLite 3", "target_version": "PostgreSQL 17"}
    how = {
        "consistency": "run",
        "how": "swap",
        "approval": False,
        "keep_old_seconds": 604_800,
        "parallel_writers": True,
        "connections": 2,
        "memory": 512 << 20,
    }
    plans = tuple(_table(f"table_{n:04}", shape, rows) for n in range(tables))
    return Plan(migration="many", run=run, token="t", fingerprint="f" * 64, tables=plans, **ends, **how)  # type: ignore[arg-type]


def _table(name: str, columns: tuple[Column, ...], rows: int) -> TablePlan:
    places = [TableName(name, schema) for schema in ("main", "public", "penstock_new", "penstock_old")]
    source, target = (Table(place, columns, ("column_0",)) for place in places[:2])
    key = ("column_0",)
    return TablePlan(source, target, places[2], places[3], True, (), key, key, True, (), rows=rows, row_bytes=80)


def _verdict(table: TablePlan, stage: str, number: int, rows: int) -> dict[str, object]:
    usual = {"severity": "critical", "success": True, "crashed": False, "observed": "", "unexpected": 0, "elements": rows, "examples": []}
    results = [
        usual
        | {"code": f"{table.name}.{c.name}", "type": "expect_column_values_to_not_be_null", "columns": [c.name], "expected": "not NULL"}
        for c in table.source.columns
    ]
    warned = number % 100 == 0
    if warned:
        shown = [{"key": f"column_0={n}", "value": "column_0=NULL"} for n in range(5)]
        results[0] |= {"success": False, "severity": "warning", "unexpected": 5, "examples": shown}
    told = {"table": table.name, "stage": stage, "suite": f"{table.name}.{stage}", "suite_sha256": "0" * 64, "seconds": 0.02}
    return told | {"decision": "warn" if warned else "go", "results": results}


def _proof(table: TablePlan, rows: int) -> dict[str, object]:
    told = {"table": table.name, "source": _DIGEST, "staged": _DIGEST, "target": _DIGEST, "chunks": 1, "rows_read": rows, "filtered": 0}
    told |= {"rejected": 0, "rows": rows, "balanced": True, "seal": None, "seconds": 0.01, "load_seconds": 0.02, "broken": "", "faults": []}
    return told | {"quarantined": f"0:{'0' * 32}", "holds": True}
