"""The contestants. One module a contestant, found by its name; this is what each of them says of itself.

A contestant moves all tables of a source database into an empty target database, each with its rows and its primary key.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Protocol, cast

import sqlalchemy as sa

from benchmarks.bed import PATHS, Path_
from benchmarks.tpch import Table

ROOT = Path(__file__).parents[2]
PROGRAMS = ROOT / "benchmarks" / "programs"
PEERS = ROOT / ".bench"
"""Where `make bench` puts each peer's virtual environment."""


@dataclass(frozen=True)
class Route:
    """What is to be moved: these tables, from a database to another one."""

    path: Path_
    source: sa.URL
    target: sa.URL
    tables: tuple[Table, ...]

    @property
    def keys(self) -> str:
        """Each table's key columns, as JSON."""
        return json.dumps({t.name: list(t.key) for t in self.tables})


@dataclass(frozen=True)
class Command:
    """A command to be run by itself: a bash script, and what it needs in its environment, passwords included."""

    script: str
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def words(self) -> list[str]:
        return ["bash", "-euo", "pipefail", "-c", self.script]


class Contestant(Protocol):
    """What a contestant's module offers, as plain module-level names."""

    label: str
    """Its name in the table."""
    paths: tuple[Path_, ...]
    """The paths that it can do here."""
    excuses: Mapping[Path_, str]
    """Why it can't do the others, where there is more to say than that it has no such path."""

    def absent(self) -> str | None:
        """Why it can't run on this machine; None when it can."""

    def version(self) -> str:
        """Which one it is; asked only of one that is there."""

    def command(self, route: Route, folder: Path) -> Command:
        """What moves the tables; `folder` is empty and its own."""


ALL = PATHS


def of(name: str) -> Contestant:
    """The contestant of a module's name."""
    return cast(Contestant, import_module(f"benchmarks.contestants.{name}"))


def names() -> list[str]:
    """The contestants there are: Penstock, then the limit, then the others."""
    first = ["penstock", "penstock_unproved", "pipe"]
    return first + sorted(m.name for m in iter_modules(__path__) if m.name not in first)


def pinned(peer: str, package: str) -> str:
    """The version of a package that a peer's environment is made with."""
    lines = (ROOT / "benchmarks" / "peers" / f"{peer}.txt").read_text().splitlines()
    return next(line.partition("==")[2] for line in lines if line.startswith(f"{package}=="))


def told(*words: str) -> str:
    """The version number in what a program prints."""
    printed = subprocess.run(words, capture_output=True, text=True, check=False)
    found = re.search(r"\d+(\.\d+)+", printed.stdout + printed.stderr)
    return found[0] if found else ""


def plain(url: sa.URL) -> str:
    """The URL without a driver, as tools other than SQLAlchemy take it."""
    return url.set(drivername=url.get_backend_name()).render_as_string(hide_password=False)


def joined(*words: object) -> str:
    """Words as a shell command."""
    return shlex.join(str(w) for w in words)


def program(name: str, *words: object, python: object = sys.executable) -> str:
    """The shell command of one of our programs. -P: a program's folder is not where it imports from."""
    return joined(python, "-P", PROGRAMS / name, *words)


def with_keys(route: Route, script: str) -> str:
    """`script`, and then the primary keys that it has not made itself."""
    return f'{script}\n{program("add_keys.py")} "$TARGET_URL" {shlex.quote(route.keys)}'


def mariadb(url: sa.URL, *words: object) -> str:
    """The shell command of MariaDB's client; the password is in MYSQL_PWD."""
    address = ["--protocol=tcp", f"--host={url.host}", f"--port={url.port}", f"--user={url.username}"]
    return joined("mariadb", "--no-defaults", *address, *words, url.database)
