"""MySQL's and MariaDB's foreign keys while rows and tables change places.

Rows are taken out and put back in one transaction, though others refer to them: InnoDB looks at each row at once, and can only be told not
to look at all; so it is asked afterwards whether a row refers to nothing.
Manual: https://mariadb.com/kb/en/foreign-keys/
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from penstock.databases import ForeignKeySuspension, Link, Orphans
from penstock.databases.mysql.catalogue import decoded, home_of, is_ours, qualified, quoted
from penstock.model.schema import TableName

_REFERENCES = """
SELECT k.TABLE_SCHEMA, k.TABLE_NAME, k.CONSTRAINT_NAME, k.REFERENCED_TABLE_SCHEMA, k.REFERENCED_TABLE_NAME, r.DELETE_RULE, r.UPDATE_RULE,
  k.COLUMN_NAME, k.REFERENCED_COLUMN_NAME
FROM information_schema.KEY_COLUMN_USAGE k LEFT JOIN information_schema.REFERENTIAL_CONSTRAINTS r
  ON r.CONSTRAINT_SCHEMA = k.CONSTRAINT_SCHEMA AND r.TABLE_NAME = k.TABLE_NAME AND r.CONSTRAINT_NAME = k.CONSTRAINT_NAME
WHERE k.REFERENCED_TABLE_NAME IS NOT NULL
ORDER BY k.TABLE_SCHEMA, k.TABLE_NAME, k.CONSTRAINT_NAME, k.ORDINAL_POSITION
"""


@dataclass(frozen=True)
class _Reference:
    """A foreign key. pairs: (its column, the referenced one); rules: what it does on delete and on update."""

    child: TableName
    name: str
    parent: TableName
    rules: tuple[str, str]
    pairs: tuple[tuple[str, str], ...]

    @property
    def definition(self) -> str:
        mine, theirs = (", ".join(map(quoted, side)) for side in zip(*self.pairs, strict=True))
        acts = [
            f" ON {what} {rule}"
            for what, rule in zip(("DELETE", "UPDATE"), self.rules, strict=True)
            if rule not in ("RESTRICT", "NO ACTION", "")
        ]
        return f"FOREIGN KEY ({mine}) REFERENCES {qualified(self.parent)} ({theirs}){''.join(acts)}"


def unbind(connection: sa.Connection, tables: Sequence[TableName]) -> ForeignKeySuspension:
    places = _places(connection, tables)
    keys = [r for r in _references(connection) if places & {r.child, r.parent} and not is_ours(r.child.name)]
    orphans = []
    for key in keys:
        given = " AND ".join(f"c.{quoted(mine)} IS NOT NULL" for mine, _ in key.pairs)
        same = " AND ".join(f"p.{quoted(theirs)} = c.{quoted(mine)}" for mine, theirs in key.pairs)
        parent = f"SELECT 1 FROM {qualified(key.parent)} AS p WHERE {same}"
        select = f"SELECT 1 FROM {qualified(key.child)} AS c WHERE {given} AND NOT EXISTS ({parent}) LIMIT 1"
        orphans.append(Orphans(key.name, key.child, key.parent, select))
    return (
        ForeignKeySuspension(("SET foreign_key_checks = 0",), ("SET foreign_key_checks = 1",), tuple(orphans))
        if keys
        else ForeignKeySuspension()
    )


def links(connection: sa.Connection, tables: Sequence[TableName]) -> list[Link]:
    places = {TableName(t.name, home_of(connection, t.schema)): t for t in tables}
    found = [r for r in _references(connection) if r.child in places and r.parent not in places]
    return [Link(places[r.child], r.name, r.definition) for r in found]


def _places(connection: sa.Connection, tables: Sequence[TableName]) -> set[TableName]:
    return {TableName(t.name, home_of(connection, t.schema)) for t in tables}


def _references(connection: sa.Connection) -> Iterator[_Reference]:
    """All foreign keys of the server that this user can see."""
    found: dict[tuple[str, ...], list[tuple[str, str]]] = {}
    for row in connection.execute(sa.text(_REFERENCES)):
        *of, mine, theirs = ("" if value is None else decoded(value) for value in row)
        found.setdefault(tuple(of), []).append((mine, theirs))
    for (schema, table, name, other_schema, other, *rules), pairs in found.items():
        yield _Reference(TableName(table, schema), name, TableName(other, other_schema), (rules[0], rules[1]), tuple(pairs))
