"""What a CREATE statement says, in its own words: SQLite, which keeps the text, and DuckDB, which writes it anew, tell it nowhere else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from penstock.model.schema import Deferrable

_TOKEN = re.compile(
    r"""(?P<blank>\s+|--[^\n]*|/\*.*?(?:\*/|$))|(?P<text>'(?:[^']|'')*')|(?P<name>"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\])|(?P<word>\w+)|.""",
    re.DOTALL,
)


@dataclass(frozen=True)
class Token:
    """A piece of a statement that begins at `start`: a word in upper case, a name without quotes, or a character."""

    start: int
    end: int
    kind: str
    value: str

    def says(self, *words: str) -> bool:
        return self.kind == "word" and self.value.upper() in words


@dataclass(frozen=True)
class WrittenReference:
    """A foreign key. name: empty where there is none.  deferrable: as `schema.ForeignKey` has it."""

    columns: tuple[str, ...]
    name: str
    deferrable: Deferrable


@dataclass(frozen=True)
class WrittenColumn:
    name: str
    generated: str = ""
    stored: bool = False
    collation: str = ""


def tokens(statement: str) -> list[Token]:
    found = []
    for match in _TOKEN.finditer(statement):
        kind, value = match.lastgroup or "", match[0]
        if kind == "name":
            quote = value[-1]
            value = value[1:-1] if quote == "]" else value[1:-1].replace(quote * 2, quote)
        if kind != "blank":
            found.append(Token(match.start(), match.end(), kind, value))
    return found


def table(statement: str) -> tuple[list[WrittenColumn], list[tuple[str, str]]]:
    """The columns of a CREATE TABLE, and its checks as (name, expression), the name empty where there is none."""
    columns, checks = [], []
    for item in _items(tokens(statement)):
        checks += list(_checks(statement, item))
        if not item[0].says("CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN") or item[0].kind == "name":
            columns.append(_column(statement, item))
    return columns, checks


def references(statement: str) -> list[WrittenReference]:
    """The foreign keys of a CREATE TABLE, in its order: those that are written with a column, and those of the table."""
    found = []
    for item in _items(tokens(statement)):
        flat = list(_outside(item))
        for place, token in enumerate(flat):
            if not token.says("REFERENCES") or place == 0:
                continue
            end = next((n for n in range(place + 1, len(flat)) if flat[n].says("REFERENCES")), len(flat))
            if flat[place - 1].says("KEY") and flat[place - 2].says("FOREIGN"):
                opens = next(n for n, t in enumerate(item) if t.says("FOREIGN") and t.kind == "word") + 2
                columns = tuple(t.value for t in item[opens + 1 : _inside(statement, item, opens)[1]] if t.kind)
                begin = place - 2
            else:
                columns, begin = (item[0].value,), place
            named = begin >= 2 and flat[begin - 2].says("CONSTRAINT")
            found.append(WrittenReference(columns, flat[begin - 1].value if named else "", _deferrable(flat[place:end])))
    return found


def conflicts(statement: str) -> list[str]:
    """What the ON CONFLICT clauses of a CREATE TABLE say to do, other than what SQLite does anyway."""
    every = tokens(statement)
    pairs = zip(every, every[1:], every[2:], strict=False)
    return [does.value.upper() for on, conflict, does in pairs if on.says("ON") and conflict.says("CONFLICT") and not does.says("ABORT")]


def _deferrable(clause: Sequence[Token]) -> Deferrable:
    for place, token in enumerate(clause):
        if token.says("DEFERRABLE") and not clause[place - 1].says("NOT"):
            return "deferred" if any(t.says("DEFERRED") for t in clause[place + 1 : place + 3]) else "immediate"
    return ""


def _outside(item: Sequence[Token]) -> Iterator[Token]:
    """The tokens outside of parentheses."""
    depth = 0
    for token in item:
        depth += {"(": 1, ")": -1}.get(token.value, 0) if not token.kind else 0
        if depth == 0 and (token.kind or token.value != ")"):
            yield token


def options(statement: str) -> list[str]:
    """The words behind the columns of a CREATE TABLE."""
    depth, found = 0, []
    every = tokens(statement)
    first = next((n for n, t in enumerate(every) if not t.kind and t.value == "("), len(every))
    for token in every[first:]:
        depth += {"(": 1, ")": -1}.get(token.value, 0) if not token.kind else 0
        if depth == 0 and token.kind == "word":
            found.append(token.value.upper())
    return found


def index(statement: str) -> tuple[list[str], str]:
    """The parts of a CREATE INDEX as they are written, and its predicate."""
    every = tokens(statement)
    parts = [statement[item[0].start : item[-1].end] for item in _items(every)]
    depth = 0
    for place, token in enumerate(every):
        depth += {"(": 1, ")": -1}.get(token.value, 0) if not token.kind else 0
        if token.says("WHERE") and depth == 0:
            return parts, statement[every[place + 1].start : every[-1].end].rstrip(";").rstrip()
    return parts, ""


def _items(every: Sequence[Token]) -> Iterator[list[Token]]:
    """What stands between the commas of the statement's first parentheses."""
    depth = 0
    item: list[Token] = []
    for token in every:
        if not token.kind and token.value == "(":
            depth += 1
            if depth == 1:
                continue
        elif not token.kind and token.value == ")":
            depth -= 1
            if depth == 0:
                break
        elif not token.kind and token.value == "," and depth == 1:
            yield item
            item = []
            continue
        if depth:
            item.append(token)
    if item:
        yield item


def _inside(statement: str, item: Sequence[Token], place: int) -> tuple[str, int]:
    """What the parentheses that open at `place` hold, and where they close."""
    depth = 0
    for end in range(place, len(item)):
        depth += {"(": 1, ")": -1}.get(item[end].value, 0) if not item[end].kind else 0
        if depth == 0:
            return statement[item[place].end : item[end].start].strip(), end
    return "", place


def _checks(statement: str, item: Sequence[Token]) -> Iterator[tuple[str, str]]:
    depth = 0
    for place, token in enumerate(item[:-1]):
        depth += {"(": 1, ")": -1}.get(token.value, 0) if not token.kind else 0
        if depth == 0 and token.says("CHECK") and item[place + 1].value == "(":
            named = place >= 2 and item[place - 2].says("CONSTRAINT")
            yield item[place - 1].value if named else "", _inside(statement, item, place + 1)[0]


def _column(statement: str, item: Sequence[Token]) -> WrittenColumn:
    generated, stored, collation = "", False, ""
    place = 1
    while place < len(item) - 1:
        token, after = item[place], item[place + 1]
        if not token.kind and token.value == "(":
            place = _inside(statement, item, place)[1]
        elif token.says("AS") and after.value == "(" and not after.kind:
            generated, place = _inside(statement, item, place + 1)
            stored = place + 1 < len(item) and item[place + 1].says("STORED")
        elif token.says("COLLATE"):
            collation = after.value
        place += 1
    return WrittenColumn(item[0].value, generated, stored, collation)
