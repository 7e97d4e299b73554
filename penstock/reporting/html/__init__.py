"""The pages that people look at: HTML made from records, pure, everything in them escaped. They are served elsewhere."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penstock.runtime import formatting

if TYPE_CHECKING:
    from jinja2 import Environment

FOLDER = Path(__file__).parent
ASSETS = {"penstock.css": "text/css; charset=utf-8", "penstock.js": "text/javascript; charset=utf-8"}
"""The files that pages load, and their types."""


def render(template: str, **values: Any) -> str:
    """A page of one of this folder's templates. What it names and isn't given is an error; names and values may be hostile."""
    return _environment().get_template(template).render(values)


def outcome_look(outcome: str) -> str:
    """ok, bad, live or warn: how an outcome looks. Its words always stand beside, for a colour alone says nothing to some."""
    return {"switched": "ok", "proved, not switched": "ok", "failed": "bad", "running": "live", "queued": "live"}.get(outcome, "warn")


def interval_of(report: dict[str, Any]) -> str:
    """The data interval of a report as people read it, "" where it has none. Reports of earlier versions name no time zone."""
    return formatting.interval(report["interval"], report.get("timezone") or "UTC") if report.get("interval") else ""


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    from penstock.reporting.html.listing import report_of
    from penstock.reporting.html.report import ledger
    from penstock.reporting.html.run import points_of, told

    environment.filters |= {
        "number": formatting.number,
        "size": formatting.size,
        "span": formatting.seconds,
        "instant": formatting.instant,
        "ago": formatting.ago,
        "ledger": ledger,
        "broken_first": lambda verdicts: sorted(verdicts, key=lambda v: ("stop", "warn", "go").index(v["decision"])),
    }
    environment.globals |= {
        "count": formatting.count,
        "outcome_look": outcome_look,
        "report_of": report_of,
        "interval_of": interval_of,
        "told": told,
        "points_of": points_of,
    }
    return environment
