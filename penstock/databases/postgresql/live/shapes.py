"""The columns of a table in a stream, each as a text `name type modifier`: how they were when the stream began, and how they are now."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import sqlalchemy as sa

from penstock.databases._shared.ansi import qualified
from penstock.databases.change_log import Followed, Stream
from penstock.errors import SchemaChanged

# As pgoutput sends them: what is computed is left out.
_COLUMNS = sa.text("""
SELECT attname, atttypid::bigint, atttypmod FROM pg_attribute
WHERE attrelid = to_regclass(:place) AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum
""")


def of(connection: sa.Connection, table: Followed) -> tuple[str, ...]:
    """The columns of a table now."""
    return tuple(f"{name} {kind} {modifier}" for name, kind, modifier in connection.execute(_COLUMNS, {"place": qualified(table.place)}))


def sent(data: bytes) -> tuple[str, ...]:
    """The columns in a message of a relation, from its replica identity on."""
    (count,) = struct.unpack_from(">h", data, 1)
    found, at = [], 3
    for _ in range(count):
        end = data.index(b"\0", at + 1)
        kind, modifier = struct.unpack_from(">Ii", data, end + 1)
        found.append(f"{data[at + 1 : end].decode()} {kind} {modifier}")
        at = end + 9
    return tuple(found)


def check(connection: sa.Connection, stream: Stream, tables: Sequence[Followed]) -> None:
    """Raise SchemaChanged when a table has other columns now than when its stream began."""
    for table in tables:
        compare(table.name, stream.shapes[table.name], of(connection, table))


def compare(table: str, before: Sequence[str], now: Sequence[str]) -> None:
    """Raise SchemaChanged, naming the first column that differs."""
    if tuple(before) == tuple(now):
        return
    was, found = {_name(c): c for c in before}, {_name(c): c for c in now}
    gone, new = [c for c in was if c not in found], [c for c in found if c not in was]
    if gone and new:
        column, why = gone[0], f"the column is gone, and there is a new one, {new[0]}: it was renamed, or replaced"
    elif gone:
        column, why = gone[0], "the column was dropped" if found else "the table was dropped"
    elif new:
        column, why = new[0], "the column was added"
    else:
        column = next((c for c in was if was[c] != found[c]), next(iter(was)))
        why = "the type of the column was changed"
    raise SchemaChanged(
        f"the table {table} is not what it was when the stream began",
        where=f"table {table}, column {column}",
        why=why,
        fix="start a new run (`penstock run --new`), which plans the table as it is now",
        table=table,
        column=column,
    )


def _name(column: str) -> str:
    return column.rsplit(" ", 2)[0]
