"""One stage of a run as a task of its own, and the most memory that it takes over the interpreter and the libraries.

usage: stage_memory.py FILE STAGE    STAGE: plan, extract, gate_extracted, transform, prepare, load, build, gate_loaded, prove
"""

import json
import os
import sys
from pathlib import Path

from penstock.runtime import process

process.tune()  # before Arrow is imported

from penstock import run
from penstock.migration.connections import resolve
from penstock.migration.loader import load
from penstock.model import pipeline
from penstock.model.endpoints import Endpoints
from penstock.planning.request import RunRequest
from penstock.stages import plan
from penstock.stages.validate import gx


def main() -> None:
    migration, stage = load(sys.argv[1]), sys.argv[2]
    endpoints = Endpoints(resolve(migration.source), resolve(migration.target))
    request = RunRequest(migration, "memory", endpoints, str(Path("staging").absolute()), Path("expectations").absolute())
    for url in (endpoints.source, endpoints.target):  # their drivers are libraries
        url.get_dialect().import_dbapi()
    if stage.startswith("gate"):
        gx.load()
    base = _now()
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    if stage == "plan":
        plan.plan(request)
    else:
        run.perform(request.reopened(), pipeline.named(stage))
    print(json.dumps({"stage": stage, "base": base, "over": _now("VmHWM") - base}), flush=True)
    os._exit(0)


def _now(field: str = "VmRSS") -> int:
    """Bytes of this process in memory; VmHWM: the most there were."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(f"{field}:"))) << 10


if __name__ == "__main__":
    main()
