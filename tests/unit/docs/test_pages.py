"""The docs say what the code says: generated pages are up to date, and fields, commands, errors and messages are those that exist."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
import yaml

from penstock import errors, transforms
from penstock.cli import commands
from penstock.migration.loader import json_schema, load
from penstock.migration.spec import Migration
from penstock.reporting import content, inputs
from penstock.state import staging
from penstock.transforms._forms import FORMS
from tests.support.repository import REPO
from tools import docs_nav, reference

DOCS = REPO / "docs"
SOURCES = [p for part in ("penstock", "operators") for p in (REPO / part).rglob("*.py")]


def spans(text: str) -> set[str]:
    """The code spans in the first column of a page's tables."""
    cells = re.findall(r"^\| (.*?) \|", text, re.MULTILINE)
    return {span for cell in cells for span in re.findall(r"`([^`]+)`", cell)}


def subclasses(of: type) -> Iterator[type]:
    for child in of.__subclasses__():
        yield child
        yield from subclasses(child)


FAULTS = sorted(c.__name__ for c in subclasses(errors.PenstockError) if c.__module__ == errors.__name__)


@pytest.mark.parametrize("page", reference.pages(), ids=lambda page: page.stem)
def test_a_generated_page_is_up_to_date(page: Path) -> None:
    assert page.read_text() == reference.pages()[page], "run python -m tools.reference"


def declared_fields() -> set[str]:
    """The fields of a migration file and of its table, with their sections, from its JSON Schema."""
    schema = json_schema()

    def fields(of: dict[str, object], ahead: str = "") -> Iterator[str]:
        properties = of.get("properties", {})
        assert isinstance(properties, dict)
        for name, field in properties.items():
            known = [field, *field.get("anyOf", []), field.get("items", {})]
            parts = [schema["$defs"][k["$ref"].rpartition("/")[2]] for k in known if "$ref" in k]
            yield f"{ahead}{name}"
            for part in parts if name != "notify" else ():
                yield from fields(part, f"{name}.")

    return {*fields(schema), *fields(schema["$defs"]["TableSpec"])}


def test_the_page_of_the_migration_file_names_every_field_and_no_other() -> None:
    page = (DOCS / "reference" / "migration-file.md").read_text()
    named = spans(page[: page.index("## Steps")])
    sections = {"tables", "bad_rows", "switch"}  # described by their fields
    assert named - {"tables.<name>"} | sections == declared_fields() | sections
    steps = page[page.index("## Steps") : page.index("## Old names")]
    assert {span.partition(":")[0].split()[0] for span in spans(steps)} == set(transforms.names())


def test_the_page_of_the_migration_file_names_every_form_of_a_cast() -> None:
    page = (DOCS / "reference" / "migration-file.md").read_text()
    forms = page[page.index("## Forms of values") : page.index("## What is not carried")]
    assert spans(forms) == {*FORMS, "%"}


def test_the_migration_files_in_the_docs_are_valid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_SOURCE", "a")  # a page shows a file with variables
    shown = []
    for page in [*DOCS.rglob("*.md"), REPO / "README.md"]:
        for block in re.findall(r"^ *```yaml[^\n]*\n(.*?)^ *```", page.read_text(), re.MULTILINE | re.DOTALL):
            said = yaml.safe_load(block)
            if isinstance(said, dict) and not set(said) - set(Migration.model_fields):
                file = tmp_path / "shown.yaml"
                ends = {"name": "shown", "source": "a", "target": "b"} | ({"start_date": "2026-01-01"} if "tables" in said else {})
                file.write_text(yaml.safe_dump(ends | said))
                load(file)
                shown.append(page)
    assert len(shown) > 10


def test_the_page_of_the_report_names_every_field_of_report_json(tmp_path: Path) -> None:
    report = content.collect(inputs.read(staging.of(str(tmp_path), "shop", "run")), "shop", "run")
    page = (DOCS / "reference" / "report.md").read_text()
    fields = page[page.index("## report.json") : page.index("`seconds` is the time")]
    assert spans(fields) == set(report)


def test_the_page_of_preflight_checks_names_every_area_and_no_other() -> None:
    page = (DOCS / "reference" / "check.md").read_text()
    areas = page[page.index("## Areas") : page.index("## The estimate")]
    headings = re.findall(r"^### (.+)$", areas, re.MULTILINE)
    assert sorted(area for heading in headings for area in heading.split(", ")) == sorted(get_args(errors.Area))


def commands_of(page: Path) -> list[list[str]]:
    """The `penstock` commands in a page's shell blocks and transcripts."""
    blocks = re.findall(r"^ *```(?:sh|console)[^\n]*\n(.*?)^ *```", page.read_text(), re.MULTILINE | re.DOTALL)
    lines = [line.strip().removeprefix("$ ") for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    plain = [re.split(r" [|;&>] ?| \d>|; ", line)[0] for line in lines if line.startswith("penstock ")]
    return [shlex.split(line, comments=True)[1:] for line in plain]


@pytest.mark.parametrize("page", [*sorted(DOCS.rglob("*.md")), REPO / "README.md"], ids=lambda page: page.stem)
def test_every_command_in_the_docs_is_one_that_the_parser_takes(page: Path) -> None:
    for command in commands_of(page):
        commands.parser().parse_args(command)


@pytest.mark.parametrize("name", FAULTS)
def test_every_error_has_a_place_in_troubleshooting(name: str) -> None:
    page = (DOCS / "troubleshooting.md").read_text()
    assert f"### {name}\n" in page
    assert getattr(errors, name)("").docs == f"docs/troubleshooting.md#{name.lower()}"


def test_every_error_is_listed_under_its_exit_code() -> None:
    page = (DOCS / "troubleshooting.md").read_text()
    listed = {
        name: int(code)
        for code, names in re.findall(r"^\| (\d) \|[^|]*\|(.*)\|$", page, re.MULTILINE)
        for name in re.findall(r"\[(\w+)\]", names)
    }
    assert {name: listed.get(name, 5) for name in FAULTS} == {name: commands._code(getattr(errors, name)("")) for name in FAULTS}


def test_every_message_in_troubleshooting_is_one_that_the_code_has() -> None:
    said = "\n".join(p.read_text() for p in SOURCES)
    page = (DOCS / "troubleshooting.md").read_text()
    quoted = {span for section in page.split("| message |")[1:] for span in spans(section.split("\n\n")[0])}
    parts = {part.strip() for span in quoted for part in span.split("…") if part.strip()}
    assert len(quoted) > 30 and {part for part in parts if part not in said} == set()


def test_the_navigation_has_every_page() -> None:
    def pages(entry: object) -> Iterator[str]:
        if isinstance(entry, str):
            yield entry
        for part in entry.values() if isinstance(entry, dict) else entry if isinstance(entry, list) else ():
            yield from pages(part)

    listed = {*pages(yaml.safe_load((REPO / "mkdocs.yml").read_text())["nav"]), *docs_nav.pages(DOCS)}
    assert listed == {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")}
