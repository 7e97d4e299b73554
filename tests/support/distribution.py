"""Installed distributions that add parts to Penstock: the code of a page of the documentation, as a package manager would install it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from tests.support.repository import REPO


def code_of(page: str, language: str) -> str:
    """The first block of code in `language` on a page under docs/."""
    found = re.search(rf"```{language}\n(.*?)```", (REPO / "docs" / page).read_text(), re.DOTALL)
    assert found, f"docs/{page} has no {language}"
    return found[1]


def install_page(folder: Path, page: str) -> None:
    """Install the Python and the entry points of a page under docs/ into a folder, which is then to be put on the path."""
    (points,) = tomllib.loads(code_of(page, "toml"))["project"]["entry-points"].items()
    install(folder, points[0], points[1], code_of(page, "python"))


def install(folder: Path, group: str, points: dict[str, str], code: str) -> None:
    """Install one module with `code`. points: the entry points of `group`, name to module."""
    ((name, module),) = points.items()
    folder.mkdir(exist_ok=True)
    (folder / f"{module}.py").write_text(code)
    metadata = folder / f"toy_{name}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: toy_{name}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[{group}]\n{name} = {module}\n")
