"""The file names of a run are written in one module."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.state import run_files
from tests.support.repository import REPO

_NAMES = {value for name, value in vars(run_files).items() if name.isupper() and str(value).endswith((".json", ".html"))}
_ENDINGS = {name.rpartition("/")[2] for name in _NAMES}
_METHODS = {"read_json", "write_json", "read_text", "write_text", "names", "files", "size", "sha256", "parquet", "batches", "local"}
"""Methods of a staging area that take a path within it."""


def modules() -> list[Path]:
    """All of Penstock's modules but the one that names the files."""
    found = [p for folder in ("penstock", "operators", "plugins") for p in sorted((REPO / folder).rglob("*.py"))]
    return [p for p in found if p != REPO / "penstock" / "state" / "run_files.py"]


def literals(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Texts of a module that are a name of a file of a run, or a path that is given to a staging area."""
    passed = {id(d) for n in ast.walk(tree) for d in _unseen(n)}
    for node in (n for n in ast.walk(tree) if id(n) not in passed):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.rpartition("/")[2] in _ENDINGS:
            yield node.lineno, node.value
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _METHODS:
            given = (a for a in node.args[-1:] if isinstance(a, ast.Constant) and isinstance(a.value, str))
            yield from ((node.lineno, a.value) for a in given if a.value != "live.parquet")  # in a folder of its own


def _unseen(node: ast.AST) -> list[ast.AST]:
    """Docstrings, and the routes of the plugin's pages."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return [node.value]
    return [part for d in getattr(node, "decorator_list", ()) for part in ast.walk(d)]


@pytest.mark.parametrize("code", ['area.exists("plan.json")', 'f"{area.url}/report.html"', 'area.names("verdicts")', 'PLAN = "plan.json"'])
def test_a_file_name_in_another_module_is_found(code: str) -> None:
    assert list(literals(ast.parse(code)))


def test_no_other_module_writes_the_name_of_a_file_of_a_run() -> None:
    assert len(modules()) > 100 and len(_NAMES) > 15
    found = {str(p.relative_to(REPO)): names for p in modules() if (names := list(literals(ast.parse(p.read_text()))))}
    assert found == {}


def test_every_file_that_a_run_leaves_is_named_in_the_list() -> None:
    """The list at the head of the module is what people read."""
    text = run_files.__doc__ or ""
    assert {name for name in _NAMES if name.rpartition("/")[2] not in text} == {run_files.OLD_PREFLIGHT}
