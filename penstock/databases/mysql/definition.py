"""Everything that declares a table in the information schema of MariaDB and MySQL: columns, indexes, checks, triggers.

Foreign keys are left out: the switch itself gives them to the shadow tables, because these servers can't do so in the switch's one step.
"""

from __future__ import annotations

import sqlalchemy as sa

from penstock.databases._shared import definition
from penstock.model.schema import TableName

# The columns of the information schema compare without regard to case; the names of tables usually do not.
_OWN = "{0}_schema = coalesce(:schema, DATABASE()) AND {1} = :table AND BINARY {1} = :table"
_HERE = _OWN.format("table", "table_name")
_CHECKED = "c.constraint_schema = coalesce(:schema, DATABASE()) AND {0}.table_name = :table AND BINARY {0}.table_name = :table"
_COLUMNS = f"""
SELECT 'column', column_name, ordinal_position, column_type, is_nullable, column_default, extra, collation_name, generation_expression
  FROM information_schema.columns WHERE {_HERE}
"""
_INDEXES = f"""
SELECT IF(non_unique, 'index', 'key'), index_name, seq_in_index, column_name, sub_part, collation, index_type
  FROM information_schema.statistics WHERE {_HERE} ORDER BY index_name, seq_in_index
"""
_TRIGGERS = f"""
SELECT 'trigger', trigger_name, event_manipulation, action_timing, action_order, action_statement, created
  FROM information_schema.triggers WHERE {_OWN.format("event_object", "event_object_table")}
"""
_CHECKS_OF_MARIADB = f"""
SELECT 'check', c.constraint_name, c.check_clause FROM information_schema.check_constraints c WHERE {_CHECKED.format("c")}
"""
# A check without a name gets one of its table's name, and another one when the table is renamed.
_NAMED = "IF(LOCATE(CONCAT(:table, '_chk_'), c.constraint_name) = 1, SUBSTR(c.constraint_name, CHAR_LENGTH(:table) + 1), c.constraint_name)"
_CHECKS_OF_MYSQL = f"""
SELECT 'check', {_NAMED}, c.check_clause FROM information_schema.check_constraints c JOIN information_schema.table_constraints t
  ON t.constraint_schema = c.constraint_schema AND t.constraint_name = c.constraint_name AND t.constraint_type = 'CHECK'
  WHERE {_CHECKED.format("t")}
"""


def read(connection: sa.Connection, name: TableName) -> dict[str, str]:
    """By object, a mark of its declaration."""
    checks = _CHECKS_OF_MARIADB if getattr(connection.dialect, "is_mariadb", False) else _CHECKS_OF_MYSQL
    asked = {"schema": name.schema, "table": name.name}
    queries = map(sa.text, (_COLUMNS, _INDEXES, _TRIGGERS, checks))
    return definition.marks(tuple(row) for query in queries for row in connection.execute(query, asked))
