"""What MySQL's and MariaDB's catalogue says beyond columns and keys: checks, partitions, and what stays behind.

Manual: https://mariadb.com/kb/en/information-schema-check_constraints-table/ (MySQL's own has no table and writes quotes escaped).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import sqlalchemy as sa

from penstock.model.schema import Check, Partitioning

_CHECKS = {
    True: "SELECT TABLE_NAME, CONSTRAINT_NAME, CHECK_CLAUSE, LEVEL FROM information_schema.CHECK_CONSTRAINTS"
    " WHERE CONSTRAINT_SCHEMA = :home",
    False: "SELECT t.TABLE_NAME, t.CONSTRAINT_NAME, c.CHECK_CLAUSE, t.ENFORCED FROM information_schema.TABLE_CONSTRAINTS t"
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
    for query in (_CHECKS[mariadb], _CHECKS[mariadb].replace("LEVEL", "'Table'")):  # MariaDB's level is of 10.5.10
        try:
            rows = connection.execute(sa.text(query + " ORDER BY 1, 2"), {"home": home}).all()
            break
        except sa.exc.DBAPIError:  # before MySQL 8.0.16 there are none
            rows = []
    found: dict[str, list[Check]] = {}
    for table, label, clause, said in rows:
        name = _text(label)
        made = Check(name, expression(_text(clause), mariadb), column=name if said == "Column" else "", enforced=said != "NO")
        found.setdefault(_text(table), []).append(made)
    return found


def expression(written: str, mariadb: bool) -> str:
    """An expression of the catalogue as SQL: MySQL writes it inside a literal."""
    return written if mariadb else re.sub(r"\\(.)", r"\1", written)


def shown(connection: sa.Connection, place: str) -> str:
    """What SHOW CREATE TABLE writes of the table at `place`; empty where this user may not see it."""
    try:
        return _text(connection.exec_driver_sql(f"SHOW CREATE TABLE {place}".replace("%", "%%")).one()[1])
    except sa.exc.DBAPIError:
        return ""


def period(written: str) -> str:
    """The period of a table of MariaDB that SHOW CREATE TABLE writes so; empty where it has none."""
    found = re.search(r"^  PERIOD FOR (`(?:[^`]|``)+` \(.*\)),?$", written, re.MULTILINE)
    return found[1] if found and not found[1].startswith("SYSTEM_TIME") else ""


def parser(written: str, index: str) -> str:
    """The parser of a full-text index, which is in no view of the catalogue."""
    name = re.escape(index.replace("`", "``"))
    found = re.search(rf"^  FULLTEXT KEY `{name}` .*?WITH PARSER `(\w+)`", written, re.MULTILINE)
    return found[1] if found else ""


def order(written: str, index: str) -> int:
    """Where an index stands in what SHOW CREATE TABLE writes: in the order in which indexes were made."""
    return written.find("KEY `" + index.replace("`", "``") + "` (")


def partitioning(written: str, columns: Iterable[str]) -> Partitioning | None:
    """How a table is cut that SHOW CREATE TABLE writes so; None when it isn't."""
    cut = re.search(r"\n(?:/\*!\d+)? ?PARTITION BY (.*?)(?:\*/)?$", written, re.DOTALL)
    return Partitioning(cut[1].strip(), tuple(columns)) if cut else None


def left_behind(connection: sa.Connection, home: str) -> list[tuple[str, str]]:
    return [(_text(kind), _text(name)) for kind, name in connection.execute(sa.text(_BEHIND), {"home": home})]


def _text(written: object) -> str:
    return written.decode() if isinstance(written, bytes) else str(written)
