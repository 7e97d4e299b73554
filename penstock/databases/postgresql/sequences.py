"""The next numbers of sequences that were set, and have given no number since: `setval(…, false)`. pg_sequences does not show them.

Manual: https://www.postgresql.org/docs/current/functions-sequence.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import sqlalchemy as sa

from penstock.databases import execute
from penstock.databases._shared.ansi import literal
from penstock.model.schema import Column, Numbering, Table

_UNUSED = """
SELECT c.relname, a.attname, format('%I.%I', n.nspname, q.relname), s.seqstart
FROM pg_depend d JOIN pg_class q ON q.oid = d.objid AND q.relkind = 'S' JOIN pg_class c ON c.oid = d.refobjid
JOIN pg_namespace n ON n.oid = q.relnamespace JOIN pg_namespace h ON h.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid JOIN pg_sequence s ON s.seqrelid = q.oid
WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
  AND h.nspname = {schema}
  AND CASE WHEN q.relkind = 'S' AND has_sequence_privilege(q.oid, 'SELECT') THEN pg_sequence_last_value(q.oid) IS NULL END
"""

Next = Mapping[tuple[str, str], int]
"""By table and column."""


def next_numbers(connection: sa.Connection, schema: str | None) -> Next:
    """The next numbers of such sequences of a schema, where they are not the first ones, as far as this user may read them."""
    home = literal(schema) if schema else "current_schema()"
    unused = execute(connection, _UNUSED.replace("{schema}", home)).all()
    if not unused:
        return {}
    each = (f"SELECT {n}, last_value, is_called FROM {place}" for n, (_, _, place, _) in enumerate(unused))
    found = execute(connection, " UNION ALL ".join(each)).all()
    return {(unused[n][0], unused[n][1]): number for n, number, called in found if not called and number != unused[n][3]}


def numbered(table: Table, following: Next) -> Table:
    """`table` with the next numbers of its columns."""

    def placed(column: Column) -> Column:
        number = following.get((table.name.name, column.name))
        if number is None or not column.identity:
            return column
        return replace(column, numbering=replace(column.numbering or Numbering(), next=number))

    return replace(table, columns=tuple(map(placed, table.columns)))
