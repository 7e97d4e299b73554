"""Every link in a Markdown file of the repository leads to a file, and to a heading of it."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.support.repository import REPO

PAGES = sorted([*REPO.glob("*.md"), *(REPO / "docs").rglob("*.md"), *(REPO / ".github").rglob("*.md")])
_CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[(?:[^\[\]]|\[[^\]]*\])*\]\((?P<to>[^()\s]+)\)")


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub and mkdocs make them."""
    headings = re.findall(r"^#+ +(.+?)\s*$", re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL), re.MULTILINE)
    return {re.sub(r"[\s]+", "-", re.sub(r"[^\w\s-]", "", heading.replace("`", "")).strip().lower()) for heading in headings}


def links(page: Path) -> list[str]:
    """What a page links to, within the repository."""
    found = [link["to"] for link in _LINK.finditer(_CODE.sub("", page.read_text()))]
    return [to for to in found if not re.match(r"[a-z]+:", to)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPO)))
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = []
    for to in links(page):
        path, _, anchor = unquote(to).partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            broken.append(to)
    assert not broken


def test_a_page_of_the_site_links_only_within_the_site() -> None:
    outside = [
        (str(page.relative_to(REPO)), to)
        for page in (REPO / "docs").rglob("*.md")
        for to in links(page)
        if not (page.parent / to.partition("#")[0]).resolve().is_relative_to(REPO / "docs")
    ]
    assert not outside
