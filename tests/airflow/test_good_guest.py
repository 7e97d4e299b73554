"""A good guest: importing all of Penstock, and the preload of the scheduler, change nothing of other libraries in the process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.support.repository import REPO

PROBE = """
import ctypes, gc, importlib, json, logging, os, pkgutil, signal, sys, types, warnings

OURS = ("penstock", "penstock_airflow", "penstock_operators", "penstock_expectations", "penstock_ui")
WATCHED = ("great_expectations", "sqlalchemy", "pyarrow", "duckdb", "pandas", "airflow")

# What Penstock imports, first without it.
import airflow.configuration, airflow.listeners, airflow.plugins_manager, airflow.sdk
import airflow.providers.standard.operators.empty, airflow.providers.standard.operators.hitl
import cryptography.hazmat.primitives.serialization, dill, psycopg
import duckdb, duckdb_sqlalchemy, fastapi, great_expectations, great_expectations.expectations.core, pandas
import pyarrow, pyarrow.compute, pyarrow.fs, pyarrow.parquet
import sqlalchemy, sqlalchemy.orm
import sqlalchemy.dialects.mysql, sqlalchemy.dialects.postgresql, sqlalchemy.dialects.sqlite


def theirs(name):
    return name.partition(".")[0] not in OURS


def attributes():
    "What the watched modules and their classes are made of, by module or class; held, so that no other object gets its identity."
    found = {}
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in WATCHED:
            found[name] = dict(vars(module))
            classes = [v for v in found[name].values() if isinstance(v, type) and v.__module__.partition(".")[0] in WATCHED]
            found |= {c: dict(vars(c)) for c in classes}
    return found


class Mallinfo(ctypes.Structure):
    _fields_ = [(n, ctypes.c_size_t) for n in ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")]


def large_blocks():
    "How many blocks of their own 4 MiB take that were freed before: none where malloc adapts itself, one where its threshold was set."
    libc = ctypes.CDLL(None)
    libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes, libc.mallinfo2.restype = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p], Mallinfo
    libc.free(libc.malloc(4 << 20))
    before = libc.mallinfo2().hblks
    place = libc.malloc(4 << 20)
    taken = libc.mallinfo2().hblks - before
    libc.free(place)
    return taken


def state():
    return {
        "gc": [gc.isenabled(), gc.get_threshold(), gc.get_freeze_count()],
        "arrow's pool": pyarrow.default_memory_pool().backend_name,
        "malloc": large_blocks(),
        "environment": {k: hash(v) for k, v in os.environ.items()},
        "path": list(sys.path),
        "hooks": [str(h) for h in (sys.excepthook, sys.displayhook, sys.breakpointhook, *sys.meta_path, *sys.path_hooks)],
        "signals": {s.name: str(signal.getsignal(s)) for s in signal.valid_signals() if isinstance(s, signal.Signals)},
        "warnings": len(warnings.filters),
        "loggers": {n: l.level for n, l in logging.root.manager.loggerDict.items() if isinstance(l, logging.Logger) and l.level and theirs(n)},
    }


modules, held, before = dict(sys.modules), attributes(), state()

sys.argv[1] == "spoil" and setattr(sqlalchemy.Select, "__str__", object.__repr__)
for package in OURS:
    for module in pkgutil.walk_packages(importlib.import_module(package).__path__, package + "."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
from penstock_operators.preload import preload
preload()

now, after = attributes(), state()
replaced = [
    f"{place}.{key}"
    for place, own in held.items()
    for key, value in own.items()
    if now[place].get(key) is not value and not isinstance(value, int)  # but counters
]
added = [f"{place}.{key}" for place, own in held.items() if isinstance(place, type) for key in now[place].keys() - own.keys()]
added = [name for name in added if "._generated_" not in name]  # SQLAlchemy's own, when a class is first used
planted = [
    n for n, m in sys.modules.items() if theirs(n) and (m is not modules[n] if n in modules else not getattr(m, "__spec__", None))
]
changed = {k: [before[k], after[k]] for k in before if before[k] != after[k]}
print(json.dumps({"replaced": replaced, "added": added, "planted": planted, "changed": changed}))
"""


def changes(folder: Path, how: str = "") -> dict[str, object]:
    """What importing Penstock has changed in a process of its own."""
    paths = [REPO, *(REPO / name for name in ("operators", "expectations", "plugins"))]
    known = {"AIRFLOW_HOME": str(folder), "PYTHONPATH": os.pathsep.join(map(str, paths))}
    done = subprocess.run(
        [sys.executable, "-c", PROBE, how], capture_output=True, text=True, check=False, env=os.environ | known, cwd=folder
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_importing_penstock_changes_nothing_of_other_libraries(tmp_path: Path) -> None:
    assert changes(tmp_path) == {"replaced": [], "added": [], "planted": [], "changed": {}}


def test_a_method_that_is_replaced_would_be_found(tmp_path: Path) -> None:
    assert "Select'>.__str__" in str(changes(tmp_path, "spoil"))
