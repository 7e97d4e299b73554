"""A row that could not be carried, as transforms and loads report it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Bad:
    """Why a row is left out. place: its number among the rows of the chunk that the stage read. reason: in words, without a value."""

    place: int
    column: str
    reason: str
