"""What a dry build has found so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import sqlalchemy as sa

from penstock.errors import Problem
from penstock.planning.preflight.dry_words import Words
from penstock.planning.preflight.parts import Part


@dataclass(frozen=True)
class RefusedPart:
    """A part that the target refuses, and that the run leaves out. table: at the source."""

    table: str
    part: Part


@dataclass
class Findings:
    """Problems, and what is left out. names: what the names of the dry build stand for."""

    words: Words
    names: Mapping[str, str]
    problems: list[Problem] = field(default_factory=list)
    left_out: list[RefusedPart] = field(default_factory=list)

    def leave_out(self, table: str, part: Part, error: sa.exc.DBAPIError) -> None:
        """Note a part that the target refuses with this error."""
        named = replace(part, name=self.names.get(part.name, part.name))
        if (left := RefusedPart(table, named)) not in self.left_out:
            self.left_out.append(left)
            self.problems.append(self.words.left_out(table, named, error))
