"""The shape of the code and the docs in numbers: python -m tools.house [REVISION…], for each revision and for the files here.

Rooms are the folders of the engine, and the modules that lie in none. An arrow is an import from one room to another.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

REPO = Path(__file__).resolve().parent.parent
PACKAGES = ("penstock", "penstock_airflow", "operators", "expectations", "plugins", "dags")
MANY = 6
LONG = 30


@dataclass(frozen=True)
class House:
    """What was counted of a folder: files by their paths, the engine's modules by their names with what each imports."""

    imports: dict[str, frozenset[str]]
    parameters: dict[str, int]
    lines: dict[str, int]
    sentences: list[int]

    @property
    def rooms(self) -> set[str]:
        return {room(m) for m in self.imports}

    @property
    def arrows(self) -> set[tuple[str, str]]:
        return {(room(m), room(other)) for m, found in self.imports.items() for other in found if room(m) != room(other)}

    @property
    def largest(self) -> tuple[str, int]:
        """The room with the most modules that lie side by side in it."""
        (found,) = Counter(m.rpartition(".")[0] for m in self.imports).most_common(1)
        return found


def room(module: str) -> str:
    """`penstock.stages.switch.undo` lies in `stages`; a module beside the rooms is a room of its own."""
    return module.split(".")[1] if "." in module else module


def counted(root: Path) -> House:
    files = {p: ast.parse(p.read_text()) for p in sorted((root / "penstock").rglob("*.py"))}
    modules = {_module(p.relative_to(root)): tree for p, tree in files.items()}
    others = (p for name in PACKAGES[1:] for p in (root / name).rglob("*.py"))
    every = files | {p: ast.parse(p.read_text()) for p in others}
    return House(
        {m: frozenset(_imported(tree, modules.keys())) - {m} for m, tree in modules.items()},
        {f"{p.relative_to(root)}:{f.lineno} {f.name}": _parameters(f) for p, tree in every.items() for f in _functions(tree)},
        {str(p.relative_to(root)): len(p.read_text().splitlines()) for p in every},
        [len(s.split()) for p in [*(root / "docs").rglob("*.md"), *root.glob("*.md")] for s in _sentences(p.read_text())],
    )


def _module(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imported(tree: ast.AST, known: object) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name in known)  # type: ignore[operator]
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                if full in known:  # type: ignore[operator]
                    yield full
                elif node.module in known:  # type: ignore[operator]
                    yield node.module


def _functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))


def _parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    a = function.args
    return sum(p.arg not in ("self", "cls") for p in [*a.posonlyargs, *a.args, *a.kwonlyargs])


def _sentences(text: str) -> Iterator[str]:
    """The sentences of a Markdown file; code, tables and headings have none."""
    text = re.sub(r"^```.*?^```|^---\n.*?^---\n", "", text, flags=re.S | re.M)
    for block in re.split(r"\n\s*\n|\n(?=\s*(?:[-*]|\d+\.) )", text):
        if re.match(r"\s*(\||#|<|!\[| {4})", block):
            continue
        plain = re.sub(r"`[^`]*`", "code", re.sub(r"\]\([^)]*\)", "]", block))
        yield from (s for s in re.split(r"(?<=[.!?])\s+", plain.strip()) if len(s.split()) > 2)


def report(houses: dict[str, House]) -> Iterator[str]:
    rows: list[tuple[str, list[str]]] = [
        ("modules of the engine", [str(len(h.imports)) for h in houses.values()]),
        ("rooms", [str(len(h.rooms)) for h in houses.values()]),
        ("arrows between rooms", [str(len(h.arrows)) for h in houses.values()]),
        ("most modules in one folder", ["{1} ({0})".format(*h.largest) for h in houses.values()]),
        (f"functions with more than {MANY} parameters", [str(sum(n > MANY for n in h.parameters.values())) for h in houses.values()]),
        ("files over 400 lines", [str(sum(n > 400 for n in h.lines.values())) for h in houses.values()]),
        ("longest file, lines", [str(max(h.lines.values())) for h in houses.values()]),
        ("sentences in docs", [str(len(h.sentences)) for h in houses.values()]),
        (f"of these over {LONG} words", [str(sum(n > LONG for n in h.sentences)) for h in houses.values()]),
    ]
    yield "| | " + " | ".join(houses) + " |"
    yield "| --- |" + " --- |" * len(houses)
    for name, values in rows:
        yield f"| {name} | " + " | ".join(values) + " |"
    *_, last = houses.values()
    for name, count in sorted(last.parameters.items(), key=lambda f: -f[1]):
        if count > MANY:
            yield f"{count} parameters: {name}"


def at(revision: str) -> House:
    """The same of a commit."""
    with tempfile.TemporaryDirectory() as folder:
        archive = subprocess.run(["git", "-C", REPO, "archive", revision], check=True, capture_output=True).stdout
        with tarfile.open(fileobj=BytesIO(archive)) as files:
            files.extractall(folder, filter="data")
        return counted(Path(folder))


if __name__ == "__main__":
    for line in report({revision: at(revision) for revision in sys.argv[1:]} | {"here": counted(REPO)}):
        print(line)
