"""A table's definition as marks, one for each of its objects, so that a later look can say which of them has changed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def marks(objects: Iterable[Sequence[Any]]) -> dict[str, str]:
    """By object, the first 64 bits of the SHA-256 of its declaration, in hex.

    objects: rows of (kind, name, and what declares it). Kinds are `column`, `key`, `check`, `index`, `trigger` and the like; an object may
    have several rows, such as the columns of an index.
    """
    declared: dict[str, list[str]] = {}
    for kind, name, *declaration in objects:
        declared.setdefault(f"{kind} {name}", []).append(repr(declaration))
    return {name: hashlib.sha256("\n".join(rows).encode()).hexdigest()[:16] for name, rows in declared.items()}


def changed(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """What of a definition is no longer as it was, in words. An index that was added since is left out: it changes no answer."""
    found = [f"{name} is gone" for name in before if name not in now]
    found += [f"{name} was changed" for name in before if name in now and now[name] != before[name]]
    return found + [f"{name} was added" for name in now if name not in before and not name.startswith("index ")]
