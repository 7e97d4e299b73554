"""The sections of a report. Each module of this folder is one, with its template beside it: `x.py` and `x.html.j2`.

    order = {"report": 50, "run": 70}      the pages that show it, with its position on each: report.html, the run's page in Airflow

    def collect(inputs: Inputs) -> Any     the value that report.json has under the name of the module; JSON-able
    def view(report: Record) -> Any        what the template needs besides the report, such as the coordinates of a picture

Both functions are optional. A section without `collect` adds nothing to report.json.

The template is given `report` (what report.json holds), `value` (what this section collected), `view`, and `page` (the run's page, None in
report.html). Names and values are escaped. A report that has no value of the section, because an earlier version wrote it, is shown without
the section.

Another distribution adds a section by an entry point in the group `penstock.reporting.sections`. Its section can't stop a report: when it
raises, the error is logged and the report is written without it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from penstock.reporting.inputs import Record, Records
from penstock.runtime.registry import Registry

log = logging.getLogger(__name__)

REGISTRY = Registry(__name__, __path__)
Page = Literal["report", "run"]
SUFFIX = ".html.j2"


@dataclass(frozen=True)
class Inputs:
    """What a section collects from.

    records: everything that the run has staged about itself.
    report: what the report holds. The value of another section is collected when it is read.
    """

    records: Records
    report: Mapping[str, Any]


@dataclass(frozen=True)
class Section:
    """One section. added: whether another distribution provides it."""

    name: str
    order: Mapping[Page, int]
    template: Path
    collect: Callable[[Inputs], Any] | None
    view: Callable[[Record], Any] | None
    added: bool

    def __str__(self) -> str:
        return f"the report section {self.name}"


def find(name: str) -> Section:
    """The section called `name`. Raises KeyError when there is none."""
    module = REGISTRY.load(name)
    template = Path(str(module.__file__)).with_suffix(SUFFIX)
    collect, view = (getattr(module, part, None) for part in ("collect", "view"))
    return Section(name, module.order, template, collect, view, added=name not in REGISTRY.own)


def every() -> list[Section]:
    """All sections, by name. One of another distribution that can't be imported is logged and left out."""
    found = []
    for name in REGISTRY.names:
        try:
            found.append(find(name))
        except Exception:
            if name in REGISTRY.own:
                raise
            log.exception("the report section %s can't be imported", name)
    return found


def shown_on(page: Page) -> list[Section]:
    """The sections of a page, in their order."""
    return sorted((s for s in every() if page in s.order), key=lambda s: (s.order[page], s.name))
