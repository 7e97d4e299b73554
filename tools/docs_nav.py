"""A hook of mkdocs: the pages of docs/contributing/ are in the navigation, whatever they are called."""

from __future__ import annotations

from pathlib import Path
from typing import Any

FOLDER = "contributing"


def on_config(config: Any) -> Any:
    """Append the section to the navigation. Called by mkdocs when it has read mkdocs.yml."""
    config["nav"].append({"Contributing": pages(Path(config["docs_dir"]))})
    return config


def pages(docs: Path) -> list[str]:
    """The pages of the folder, relative to `docs`."""
    return [page.relative_to(docs).as_posix() for page in sorted((docs / FOLDER).glob("*.md"))]
