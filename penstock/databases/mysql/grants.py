"""What SHOW GRANTS says a user of MySQL or MariaDB may do, with what roles and PUBLIC bring, which information_schema leaves out.

Manual: https://mariadb.com/kb/en/grant/ (a database is named by a pattern: _ and % stand for others unless escaped).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from penstock.databases import execute
from penstock.databases.mysql import catalogue
from penstock.databases.mysql.catalogue import decoded, quoted

ALL = "ALL PRIVILEGES"
_NAME = r"(?:`(?:[^`]|``)*`|'(?:[^']|'')*'|[\w*%.-]+)"
_LINE = re.compile(rf"(GRANT|REVOKE) (.+?) ON (`(?:[^`]|``)*`|\*)\.\* (?:TO|FROM) ({_NAME}(?:@{_NAME})?)", re.DOTALL)


@dataclass(frozen=True)
class Rights:
    """What this user may do with all tables of a database. place: what a grant of more has to name, as GRANT writes it."""

    privileges: frozenset[str]
    place: str

    def any(self, *wanted: str) -> bool:
        return bool(self.privileges & {ALL, *wanted})

    def lacks(self, needed: Sequence[str]) -> list[str]:
        return [p for p in needed if not self.any(p)]


@dataclass(frozen=True)
class Grants:
    """me: the user, as GRANT names it.  lines: (GRANT or REVOKE, privileges, a pattern or *, grantee), those of whole databases only."""

    me: str
    lines: tuple[tuple[str, frozenset[str], str, str], ...]

    def on(self, home: str) -> Rights:
        """The rights in a database.

        Of one grantee's patterns that match, the server looks at the most exact only: a grant that is to add to it has to name the same.
        """
        everywhere = self.on_server()
        revoked = {p for done, privileges, place, _ in self.lines for p in privileges if done == "REVOKE" and _covers(place, home)}
        matching: dict[str, dict[str, set[str]]] = {}
        for done, privileges, place, grantee in self.lines:
            if done == "GRANT" and place != "*" and _covers(place, home):
                matching.setdefault(grantee, {}).setdefault(place, set()).update(privileges)
        found = set(everywhere).union(*(places[min(places, key=_exactness)] for places in matching.values()))
        own = matching.get(self.me)
        place = min(own, key=_exactness) if own else quoted(re.sub(r"([_%])", r"\\\1", home))
        return Rights(frozenset(found - revoked), place)

    def on_server(self) -> frozenset[str]:
        """The privileges that hold everywhere."""
        return frozenset(p for done, privileges, place, _ in self.lines for p in privileges if done == "GRANT" and place == "*")


def read(connection: sa.Connection) -> Grants:
    """The grants of the connection's user."""
    version = catalogue.version(connection)
    role = None if version.startswith("MySQL 5") else connection.scalar(sa.text("SELECT CURRENT_ROLE()"))
    # MariaDB's answer has the roles in it
    using = f" FOR CURRENT_USER() USING {decoded(role)}" if version.startswith("MySQL") and role and decoded(role) != "NONE" else ""
    lines = []
    for line in execute(connection, f"SHOW GRANTS{using}").scalars():
        if match := _LINE.match(decoded(line)):
            privileges = frozenset(p.strip().upper() for p in match[2].split(","))
            lines.append((match[1], privileges, match[3], _written(match[4])))
    user, _, host = decoded(connection.scalar(sa.text("SELECT CURRENT_USER()"))).rpartition("@")
    return Grants(f"{_text(user)}@{_text(host)}", tuple(lines))


def _written(grantee: str) -> str:
    """A grantee in any of the servers' spellings, in ours."""
    parts = re.findall(_NAME, grantee)
    return "@".join(_text(p[1:-1].replace(p[0] * 2, p[0]) if p[0] in "`'" else p) for p in parts)


def _text(name: str) -> str:
    return "'" + name.replace("\\", "\\\\").replace("'", "''") + "'"


def _covers(place: str, name: str) -> bool:
    """Whether a database's name in a grant, in which _ and % are patterns unless escaped, is that of `name`."""
    parts = re.findall(r"\\.|.", place.strip("`").replace("``", "`"), re.DOTALL)
    kinds = {"_": ".", "%": ".*", "*": ".*"}
    return re.fullmatch("".join(kinds.get(p) or re.escape(p[-1]) for p in parts), name, re.DOTALL) is not None


def _exactness(place: str) -> tuple[bool, int]:
    """How the server orders patterns that match: one without wildcards first, else what has most before its first one."""
    wild = re.search(r"(?<!\\)[_%]", place)
    return wild is not None, -wild.start() if wild else 0
