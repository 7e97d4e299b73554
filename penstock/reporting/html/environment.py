"""The template engine: where templates are found, what they can call, and how the sections of a page are rendered."""

from __future__ import annotations

import logging
from functools import cache
from typing import TYPE_CHECKING, Any

from penstock.reporting import sections
from penstock.reporting.html import FOLDER, filters
from penstock.reporting.html.addresses import report_of
from penstock.reporting.inputs import Record
from penstock.runtime import formatting

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

    from penstock.reporting.html.run import RunPage
    from penstock.reporting.sections import Section

log = logging.getLogger(__name__)

_SECTIONS = "sections"
"""The templates of sections have names that begin with this, as the parts of a path."""


def render(template: str, **values: Any) -> str:
    """A page of one of the templates. A name that the template uses and isn't given is an error. Names and values may be hostile."""
    return _environment().get_template(template).render(values)


def rendered(where: sections.Page, report: Record, page: RunPage | None) -> list[Markup]:
    """The sections of a page, in their order.  report: as this version has it.  page: the run's page, None in report.html."""
    parts = (_section(section, report, page) for section in sections.shown_on(where))
    return [part for part in parts if part is not None]


def _section(section: Section, report: Record, page: RunPage | None) -> Markup | None:
    """None for a section that the report has no value of, and for one of another distribution that can't be shown."""
    from markupsafe import Markup

    if section.collect is not None and section.name not in report:
        return None
    try:
        values = {"report": report, "value": report.get(section.name), "view": section.view and section.view(report), "page": page}
        return Markup(render(f"{_SECTIONS}/{section.name}", **values))
    except Exception:
        if not section.added:
            raise
        log.exception("%s could not be shown", section)
        return None


@cache
def _environment() -> Environment:
    from jinja2 import ChoiceLoader, Environment, FileSystemLoader, FunctionLoader, PrefixLoader, StrictUndefined

    loader = ChoiceLoader([FileSystemLoader(FOLDER), PrefixLoader({_SECTIONS: FunctionLoader(_source)})])
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=filters.in_order
    )
    environment.filters |= {
        "number": formatting.number,
        "size": formatting.size,
        "span": formatting.seconds,
        "instant": formatting.instant,
        "ago": formatting.ago,
        "ledger": filters.ledger,
        "failed_first": filters.failed_first,
    }
    environment.globals |= {
        "count": formatting.count,
        "outcome_look": filters.outcome_look,
        "report_of": report_of,
        "interval_of": filters.interval_of,
        "done_so_far": filters.done_so_far,
        "digests_of": filters.digests_of,
    }
    return environment


def _source(name: str) -> str:
    """The template of a section."""
    return sections.find(name).template.read_text(encoding="utf-8")
