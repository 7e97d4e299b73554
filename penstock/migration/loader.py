"""Reading a migration file: the file, its overlay, the environment, old names; and every mistake, each with its place."""

from __future__ import annotations

import difflib
import hashlib
import logging
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from penstock.errors import MigrationError
from penstock.migration import overlay
from penstock.migration.document import Mistake, duplicates, parsed, place, values
from penstock.migration.environment import filled
from penstock.migration.notifications import NotifySpec, SlackSpec, SmtpSpec, WebhookSpec
from penstock.migration.renamed import rename
from penstock.migration.spec import (
    BadRowsSpec,
    IncrementSpec,
    Migration,
    PartitionSpec,
    StagingSpec,
    SwitchSpec,
    TableSpec,
)
from penstock.runtime.formatting import size
from penstock.runtime.nearest import nearest

_LARGEST = 4 << 20
"""Bytes: some 20,000 tables, and seconds to parse."""
_LOG = logging.getLogger(__name__)


def load(path: Path | str, environment: str | None = None) -> Migration:
    """The migration declared in a file, under its overlay for the environment (None: the one that PENSTOCK_ENV names).

    Raises MigrationError with every mistake, each with its place.
    """
    path = Path(path)
    try:
        return _loaded(path, environment)
    except RecursionError:
        what, fix = f"{path.name} is nested too deeply", "a migration file has mappings and lists within one another, a few levels deep"
        raise MigrationError(what, where=str(path), fix=fix) from None


def _loaded(path: Path, environment: str | None) -> Migration:
    content = _content(path)
    tree = parsed(path, content)
    mistakes = list(duplicates(tree))
    if (above := overlay.of(path, environment)) is not None:
        over = parsed(above, more := _content(above))
        mistakes += duplicates(over)
        tree, content = overlay.merged(tree, over), content + b"\0" + more
    replaced = filled(tree, os.environ)
    found = rename(replaced.tree)
    mistakes += [*replaced.mistakes, *found.mistakes]
    try:
        made = Migration.model_validate(values(path, replaced.tree))
    except ValidationError as error:
        # Where a variable is missing, what its value would be is not judged.
        mistakes += [] if replaced.mistakes else [_mistake(replaced.tree, f) for f in error.errors() if not _follows(f)]
        raise _refused(path, mistakes) from None
    if mistakes:
        raise _refused(path, mistakes)
    warnings = tuple(f"{file}:{line}:{column}: {what}" for file, line, column, what in found.warnings)
    for warning in warnings:
        _LOG.warning("%s; the old name will not be accepted any more in version 0.4", warning)
    said = "".join(f"\0{name}={value}" for name, value in sorted(replaced.values.items()))
    return made.read_from(path, hashlib.sha256(content + said.encode()).hexdigest(), warnings)


def _refused(path: Path, mistakes: Iterable[Mistake]) -> MigrationError:
    lines = [f"{file}:{line}:{column}: {what}" for file, line, column, what in sorted(set(mistakes))]
    count = "a mistake" if len(lines) == 1 else f"{len(lines)} mistakes"
    fix = f"it is an overlay of {below.name}: give that file" if (below := overlay.base(path)) else "correct the file"
    return MigrationError(f"{path.name} has {count}", where="\n         ".join(lines), fix=fix)


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a migration file, for editors."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Migration.model_json_schema()}


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except OSError as error:
        raise MigrationError(f"can't read {path}", why=error.strerror or "", fix="check the path") from None
    if len(content) > _LARGEST:
        why, fix = f"it has more than {size(_LARGEST)}", "check the path, or split the migration into several files"
        raise MigrationError(f"{path.name} is too large for a migration file", where=str(path), why=why, fix=fix)
    return content


_KINDS = {str: "text", bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "a mapping", type(None): "nothing"}
_EXPECTED = {
    "string_type": "text",
    "path_type": "a folder's path",
    "tuple_type": "a list, for instance [a, b]",
    "bool_type": "true or false",
    "model_type": "a mapping of fields",
    "date_from_datetime_parsing": "a date, for instance 2013-01-01",
}


def _follows(fault: Any) -> bool:
    """Whether a fault is only the consequence of another one: an item or a field that is wrong is not there for what is checked next."""
    return fault["type"] == "default_factory_not_called" or (fault["type"] == "too_short" and bool(fault["input"]))


def _mistake(tree: yaml.Node, fault: Any) -> Mistake:
    """A fault that pydantic found, where it stands and in our words."""
    location, kind, given = fault["loc"], fault["type"], fault["input"]
    *parents, last = location or ("",)
    if kind == "extra_forbidden":
        told = f"unknown field — {nearest(str(last), _fields(parents))}"
    elif kind == "missing":
        told = "is missing"
    elif kind == "invalid_key":
        told = "YAML does not read this name as text: put it in quotes"
    elif kind in ("string_too_short", "too_short"):
        told = "is empty"
    elif kind == "string_pattern_mismatch":
        told = "expected a small letter, then at most 29 small letters, digits, - or _"
    elif kind == "literal_error":
        told = f"expected {fault['ctx']['expected']}, got {given!r}"
    elif kind in _EXPECTED:
        got = _KINDS.get(type(given), f"a {type(given).__name__}")
        quotes = ": put it in quotes" if kind == "string_type" and not isinstance(given, list | dict | None) else ""
        told = f"expected {_EXPECTED[kind]}, got {got}{quotes}"
        if kind == "model_type" and parents == ["tables"] and difflib.get_close_matches(last, ("include", "exclude")):
            told += f" — {nearest(last, ('include', 'exclude'))}"
    else:
        told = str(fault["msg"]).removeprefix("Value error, ")
    return place(tree, location, ": ".join(filter(None, (".".join(map(str, location)), told))))


def _fields(parents: list[Any]) -> list[str]:
    """What a part of the file can say."""
    parts: dict[Any, type[BaseModel]] = {
        "tables": TableSpec,
        "switch": SwitchSpec,
        "partition": PartitionSpec,
        "incremental": IncrementSpec,
        "bad_rows": BadRowsSpec,
        "staging": StagingSpec,
    }
    if parents[:1] == ["notify"]:
        parts = {"slack": SlackSpec, "smtp": SmtpSpec, "webhook": WebhookSpec, "notify": NotifySpec}
    part = next((parts[p] for p in reversed(parents) if p in parts), Migration)
    return [field.alias or name for name, field in part.model_fields.items()]
