"""The next numbers of a source's sequences, read when nobody takes any more. Numbers that a session holds in its cache are below them."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from penstock.databases import execute
from penstock.databases._shared.ansi import qualified
from penstock.model.schema import TableName

_OWNED = sa.text("""
SELECT attname, format('%s', serial::regclass), seqincrement
FROM (SELECT attname, pg_get_serial_sequence(:place, attname) AS serial FROM pg_attribute
  WHERE attrelid = to_regclass(:place) AND attnum > 0 AND NOT attisdropped) a
JOIN pg_sequence ON seqrelid = serial::regclass WHERE serial IS NOT NULL
""")


def following(connection: sa.Connection, tables: Sequence[TableName]) -> dict[tuple[TableName, str], int]:
    """As `ChangeLog.next_numbers` says."""
    found = {}
    for table in tables:
        for column, place, step in connection.execute(_OWNED, {"place": qualified(table)}).all():
            last, called = execute(connection, f"SELECT last_value, is_called FROM {place}").one()
            found[table, str(column)] = int(last) + (int(step) if called else 0)
    return found
