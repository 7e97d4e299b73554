"""Attempts: a run that is cleared after its switch begins again as another run, with an id and a staging area of its own."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import TypeAdapter

from penstock.state import run_files
from penstock.state.json_file import JsonFile


@dataclass(frozen=True)
class Attempt:
    """Which attempt of the run `of` a run is, from 2 on. The first attempt has no file."""

    of: str
    attempt: int


ATTEMPT: JsonFile[Attempt] = JsonFile(run_files.ATTEMPT, TypeAdapter(Attempt))


def run_id(base: str, number: int) -> str:
    """The id of an attempt of the run `base`."""
    return base if number == 1 else f"{base}~{number}"
