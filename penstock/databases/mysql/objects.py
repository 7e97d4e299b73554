"""What MySQL's and MariaDB's catalogue says beyond columns and keys: checks, partitions, and what stays behind.

Manual: https://mariadb.com/kb/en/information-schema-check_constraints-table/ (MySQL's own has no table and writes quotes escaped).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import sqlalchemy as sa

from penstock.model.schema import Check, Partitioning

_CHECKS = {
    True: "SELECT TABLE_NAME, CONSTRAINT_NAME, CHECK_CLAUSE FROM information_schema.CHECK_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = :home",
    False: "SELECT t.TABLE_NAME, t.CONSTRAINT_NAME, c.CHECK_CLAUSE FROM information_schema.TABLE_CONSTRAINTS t"
    " JOIN information_schema.CHECK_CONSTRAINTS c USING (CONSTRAINT_SCHEMA, CONSTRAINT_NAME)"
    " WHERE t.CONSTRAINT_TYPE = 'CHECK' AND t.TABLE_SCHEMA = :home",
}
_BEHIND = """
SELECT 'view' AS kind, TABLE_NAME AS name FROM information_schema.VIEWS WHERE TABLE_SCHEMA = :home
UNION ALL SELECT LOWER(ROUTINE_TYPE), ROUTINE_NAME FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = :home
UNION ALL SELECT 'event', EVENT_NAME FROM information_schema.EVENTS WHERE EVENT_SCHEMA = :home
UNION ALL SELECT 'sequence', TABLE_NAME FROM information_schema.TABLES WHERE TABLE_TYPE = 'SEQUENCE' AND TABLE_SCHEMA = :home
UNION ALL SELECT 'grant', CONCAT('on ', TABLE_NAME, ' to ', GRANTEE, ': ', GROUP_CONCAT(PRIVILEGE_TYPE ORDER BY 1 SEPARATOR ', '))
  FROM information_schema.TABLE_PRIVILEGES WHERE TABLE_SCHEMA = :home GROUP BY TABLE_NAME, GRANTEE
UNION ALL SELECT 'grant', CONCAT('on all tables to ', GRANTEE) FROM information_schema.SCHEMA_PRIVILEGES
  WHERE TABLE_SCHEMA = :home AND REPLACE(GRANTEE, '''', '') <> CURRENT_USER() GROUP BY GRANTEE
ORDER BY 1, 2
"""


def checks(connection: sa.Connection, home: str, mariadb: bool) -> dict[str, list[Check]]:
    """The checks of a schema, by table. Servers without any keep no list of them."""
    try:
        rows = connection.execute(sa.text(_CHECKS[mariadb] + " ORDER BY 1, 2"), {"home": home}).all()
    except sa.exc.DBAPIError:  # before MySQL 8.0.16
        return {}
    found: dict[str, list[Check]] = {}
    for table, name, clause in rows:
        found.setdefault(_text(table), []).append(Check(_text(name), expression(_text(clause), mariadb)))
    return found


def expression(written: str, mariadb: bool) -> str:
    """An expression of the catalogue as SQL: MySQL writes it inside a literal."""
    return written if mariadb else re.sub(r"\\(.)", r"\1", written)


def partitioning(connection: sa.Connection, place: str, columns: Iterable[str]) -> Partitioning | None:
    """How the table at `place` is cut, as SHOW CREATE TABLE writes it behind the columns; None when it isn't."""
    written = connection.exec_driver_sql(f"SHOW CREATE TABLE {place}".replace("%", "%%")).one()[1]
    cut = re.search(r"\n(?:/\*!\d+)? ?PARTITION BY (.*?)(?:\*/)?$", _text(written), re.DOTALL)
    return Partitioning(cut[1].strip(), tuple(columns)) if cut else None


def left_behind(connection: sa.Connection, home: str) -> list[tuple[str, str]]:
    return [(_text(kind), _text(name)) for kind, name in connection.execute(sa.text(_BEHIND), {"home": home})]


def _text(written: object) -> str:
    return written.decode() if isinstance(written, bytes) else str(written)
