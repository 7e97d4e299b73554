"""What a table's columns, indexes and first rows propose: sensitive columns, a key, a partition, a watermark."""

from __future__ import annotations

import re
from collections.abc import Iterator

from penstock.errors import Remedy
from penstock.init.draft import Decision
from penstock.init.profile import TableProfile
from penstock.model.schema import Column, Table
from penstock.runtime.formatting import count

# As people name columns, between the underscores or humps of a name.
_PERSONAL = re.compile(
    r"(?:^|_)(?:e?mail|email_?address|phone|mobile|fax|telephone|ssn|social_security\w*|passport\w*|tax_?number|iban|bic"
    r"|card_?(?:number|no)|credit_?card\w*|cvv|cvc|account_?(?:number|no)|password\w*|passwd|pwd|passwort|secret\w*|token|access_?token"
    r"|refresh_?token|api_?key|private_?key|salt|otp\w*|first_?name|last_?name|full_?name|given_?name|family_?name|sur_?name|birth\w*|dob"
    r"|street\w*|address(?:_?(?:line)?_?\d)?|postal_?code|post_?code|zip(?:_?code)?|ip(?:_?address)?|salary|diagnosis|gender|religion)(?:$|_)",
    re.IGNORECASE,
)
_PERSONAL_VALUES = frozenset({"an email address", "an IPv4 address", "an IBAN", "a phone number", "a payment card number"})
_PERSONAL_TEXTS = re.compile(r"(?:^|_)(?:tax_?id|national_id)$", re.IGNORECASE)
"""Numbers of these names are rather those of rows of another table."""
_ABOUT = re.compile(
    r"^(?:is|has|wants?|needs?|sends?|shows?|hides?|uses?|no)$"
    r"|(?:^|_)(?:name|title|count|type|status|kind|id|at|on|sent|verified|enabled|confirmed|length|format|prefix)$",
    re.IGNORECASE,
)
"""Names of something else about a value: `email_count`, `id_address`, `wants_mail`."""
_CREATED = re.compile(r"(?:^|_)(?:created|inserted|ordered|occurred|logged|event|date|day|time|ts|at|on|timestamp)(?:$|_)", re.IGNORECASE)
_UPDATED = re.compile(r"(?:^|_)(?:updated|modified|changed|last_?(?:update|change|modified)|lastupdate)(?:$|_)", re.IGNORECASE)
_SOME = 20
"""Rows that say something of whether the values of a column are all different."""
_LARGE = 10_000
"""Rows of a table from which on it is worth while to move parts of it."""
_MOMENTS = frozenset({"date", "timestamp", "timestamptz"})


def of_table(name: str, table: Table, profile: TableProfile | None) -> Iterator[Decision]:
    """The proposals for a table of the migration. profile: of its first rows, where these could be read."""
    yield from _sensitive(name, table, profile)
    yield from _key(name, table, profile)
    if profile and (profile.rows >= _LARGE or not profile.whole):
        yield from _partition(name, table)
        yield from _watermark(name, table)


def _sensitive(name: str, table: Table, profile: TableProfile | None) -> Iterator[Decision]:
    """Columns that seem to hold personal data or secrets: their values are kept out of reports, and their staged rows are encrypted."""
    looks = {c.column.name: c.pattern for c in profile.columns if c.pattern in _PERSONAL_VALUES} if profile else {}
    found = [c.name for c in table.columns if not c.generated and (c.name in looks or _personal(c))]
    if found:
        why = [f"the values of {column} look like {_plural(looks[column])}" for column in found if column in looks]
        why += ["by name: " + ", ".join(named)] if (named := [column for column in found if column not in looks]) else []
        reason = f"Personal or secret ({'; '.join(why)}). No report shows their values; `mask` and `drop` keep them from the target."
        yield Decision(reason, (Remedy(name, {"sensitive": found}),))


def _personal(column: Column) -> bool:
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", column.name)
    if _PERSONAL_TEXTS.search(words):
        return column.type.name == "string"
    about = _ABOUT.search(_PERSONAL.sub("_", words).strip("_"))
    return bool(_PERSONAL.search(words)) and not about and column.type.name != "boolean"


def _plural(pattern: str) -> str:
    words = re.sub(r"^an? ", "", pattern)
    return f"{words}es" if words.endswith("s") else f"{words}s"


def _key(name: str, table: Table, profile: TableProfile | None) -> Iterator[Decision]:
    """Of a table without a key, a column whose values were all different."""
    if table.key or not profile or profile.rows < _SOME:
        return
    unique = [
        c.column.name for c in profile.columns if not c.nulls and c.distinct == profile.rows and not c.column.type.name.startswith("float")
    ]
    rows = f"all {count(profile.rows, 'row')}" if profile.whole else f"the first {count(profile.rows, 'row')}"
    for column in sorted(unique, key=lambda n: not re.search(r"(?:^|_)id$|^id", n, re.IGNORECASE))[:1]:
        reason = f"It has no key, so rows are compared as a multiset. In {rows} the values of {column} are all different:"
        yield Decision(reason, (Remedy(name, {"key": [column]}),), active=False)


def _partition(name: str, table: Table) -> Iterator[Decision]:
    """A column of times by which a run could move its data interval only."""
    moments = [c for c in table.columns if c.type.name in _MOMENTS and not c.nullable and not _UPDATED.search(_split(c))]
    indexed = {i.columns[0] for i in table.indexes if i.columns} | {*table.primary_key[:1]}
    best = sorted((c for c in moments if _CREATED.search(_split(c)) or c.name in indexed), key=lambda c: c.name not in indexed)
    for column in best[:1]:
        why = "it has an index" if column.name in indexed else "by its name; it has no index"
        reason = f"One data interval a run, by {column.name} ({why}); needs `schedule` and `start_date`:"
        yield Decision(reason, (Remedy(name, {"partition": {"by": column.name}}),), active=False)


def _watermark(name: str, table: Table) -> Iterator[Decision]:
    """A column that every change sets, by which a run could move what has changed only."""
    if not table.key:
        return
    found = [c for c in table.columns if c.type.name in _MOMENTS and (c.touched or _UPDATED.search(_split(c)))]
    for column in sorted(found, key=lambda c: not c.touched)[:1]:
        why = "the database sets it with every change" if column.touched else "by its name; check that every change sets it"
        reason = f"Only what has changed since the last run, by {column.name} ({why}):"
        yield Decision(reason, (Remedy(name, {"incremental": {"by": column.name}}),), active=False)


def _split(column: Column) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", column.name)
