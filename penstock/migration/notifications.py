"""What a migration file can say of notifications: who is notified, how, and of which events.

Sending is Airflow's part: operators/penstock_operators/notify.py.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from penstock.runtime.nearest import nearest

Text = Annotated[str, Field(min_length=1)]

Event = Literal["failed", "refused", "waiting", "expiring", "switched", "overtaken", "undone", "deadline"]
"""What can be notified."""
EVENTS: tuple[Event, ...] = get_args(Event)
NEEDS_A_PERSON: tuple[Event, ...] = ("failed", "refused", "waiting", "expiring", "deadline")
"""The events of a notifier that names none: those after which somebody has to do something."""
_NOTIFIER = r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _event(value: Any) -> Any:
    if value not in EVENTS:
        raise ValueError(f"no event called {value!r} — {nearest(str(value), EVENTS)}")
    return value


def _import_path(value: Any) -> Any:
    if isinstance(value, str) and not re.match(_NOTIFIER, value):
        raise ValueError(f"{value!r} is not the import path of a class: write for instance mycompany.alerts.PagerNotifier")
    return value


class SlackSpec(_Part):
    """A message in a Slack channel. Needs apache-airflow-providers-slack."""

    connection: Annotated[Text, Field(description="an Airflow connection of type slack")]
    channel: Annotated[Text, Field(description="the channel's name or id")]


class SmtpSpec(_Part):
    """A mail. Needs apache-airflow-providers-smtp."""

    connection: Annotated[Text, Field(description="an Airflow connection of type smtp, whose extra says from_email")]
    to: Annotated[tuple[Text, ...], Field(min_length=1, description="the addresses it is sent to")]


class WebhookSpec(_Part):
    """A POST of JSON."""

    connection: Annotated[Text, Field(description="an Airflow connection of type http: its host, schema, login and headers (extra)")]
    path: Annotated[str, Field(description="appended to the connection's address")] = ""


class NotifySpec(_Part):
    """Whom to notify, how, and of which events. One of slack, smtp, webhook and notifier."""

    slack: SlackSpec | None = None
    smtp: SmtpSpec | None = None
    webhook: WebhookSpec | None = None
    notifier: Annotated[
        str | None, BeforeValidator(_import_path), Field(description="import path of a class that is derived from airflow.sdk.BaseNotifier")
    ] = None
    arguments: Annotated[dict[str, Any], Field(alias="with", description="what the class of `notifier` is given")] = {}
    events: Annotated[
        tuple[Annotated[Event, BeforeValidator(_event)], ...],
        Field(min_length=1, description="those that need a person when not given: failed, refused, waiting, expiring, deadline"),
    ] = NEEDS_A_PERSON

    @model_validator(mode="before")
    @classmethod
    def _events_by_their_name(cls, said: Any) -> Any:
        if isinstance(said, dict) and True in said:
            raise ValueError("YAML reads the word `on` as true: write `events: [failed, switched]`")
        return said

    @model_validator(mode="after")
    def _one_way(self) -> NotifySpec:
        ways = ("slack", "smtp", "webhook", "notifier")
        if sum(getattr(self, way) is not None for way in ways) != 1:
            raise ValueError(f"expected one of {', '.join(ways)} in each entry")
        if self.arguments and self.notifier is None:
            raise ValueError("`with` belongs to `notifier`")
        return self
