"""One stage of a run as a task of its own, and the most memory that it takes over the interpreter and the libraries.

usage: stage_memory.py FILE STAGE    STAGE: plan, extract, gate_extracted, transform, prepare, load, build, gate_loaded, prove
"""

import json
import os
import sys
from pathlib import Path

from penstock.migration.connections import resolve
from penstock.migration.loader import load
from penstock.model.plan import groups
from penstock.stages import extract, plan, prove, transform
from penstock.stages import load as loading
from penstock.stages.validate import gate, gx
from penstock.state.run_context import reopen


def main() -> None:
    migration, stage = load(sys.argv[1]), sys.argv[2]
    source, target = resolve(migration.source), resolve(migration.target)
    root, folder = str(Path("staging").absolute()), Path("expectations").absolute()
    for url in (source, target):  # their drivers are libraries
        url.get_dialect().import_dbapi()
    if stage.startswith("gate"):
        gx.load()
    base = _now()
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    if stage == "plan":
        plan.plan(migration, "memory", root, source, target, folder)
    else:
        session = reopen(root, migration.name, "memory", source, target, folder)
        {
            "extract": lambda: (extract.extract(session, [t.name for t in session.plan.tables]), extract.finish(session)),
            "gate_extracted": lambda: gate.gate(session, "extracted"),
            "transform": lambda: [transform.transform(session, g.chunks) for g in groups(session.plan, "transform")],
            "prepare": lambda: loading.prepare(session),
            "load": lambda: [loading.load(session, g.chunks) for g in groups(session.plan, "load")],
            "build": lambda: loading.build(session),
            "gate_loaded": lambda: gate.gate(session, "loaded"),
            "prove": lambda: prove.prove(session),
        }[stage]()
    print(json.dumps({"stage": stage, "base": base, "over": _now("VmHWM") - base}), flush=True)
    os._exit(0)


def _now(field: str = "VmRSS") -> int:
    """Bytes of this process in memory; VmHWM: the most there were."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(f"{field}:"))) << 10


if __name__ == "__main__":
    main()
