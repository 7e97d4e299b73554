"""The compiled parts. Everything else is declared in pyproject.toml; this file is here to find headers by pkg-config."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

from setuptools import Extension, setup

FLAGS = ["-O3", "-std=gnu11", "-Wall", "-Wextra", "-Wno-missing-field-initializers", "-Wno-cast-function-type"]
NATIVE = Path("penstock/native")


def found(package: str, library: str) -> dict[str, list[str]]:
    """Where pkg-config says that a library is; only its name where pkg-config does not know it, so that the compiler looks for it."""
    try:
        asked = subprocess.run(["pkg-config", "--cflags", "--libs", package], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return {"extra_compile_args": FLAGS, "libraries": [library]}
    words = shlex.split(asked.stdout)
    linked = [w for w in words if w.startswith(("-l", "-L", "-Wl"))]
    return {"extra_compile_args": [*FLAGS, *(w for w in words if w not in linked)], "extra_link_args": linked}


def extension(name: str, sources: list[str], of: dict[str, list[str]]) -> Extension:
    """Where it can't be compiled, the package is installed without it, and Python does its work."""
    paths = [str(NATIVE / source) for source in sources]
    headers = [str(header) for header in sorted(NATIVE.glob("*.h"))]
    return Extension(name, paths, depends=headers, optional=True, define_macros=[("_GNU_SOURCE", "1")], **of)


setup(
    ext_modules=[
        # Debian: libpq-dev, libxxhash-dev.
        extension(
            "penstock._native",
            ["arrow.c", "changes.c", "copy_read.c", "copy_write.c", "digest.c", "filling.c", "module.c", "numeric.c"],
            found("libpq", "pq"),
        ),
        # Debian: libsqlite3-dev.
        extension("penstock._sqlite", ["sqlite_read.c"], found("sqlite3", "sqlite3")),
        # Debian: libmariadb-dev.
        extension("penstock._mysql", ["arrow.c", "filling.c", "mysql_read.c", "numeric.c"], found("libmariadb", "mariadb")),
    ]
)
