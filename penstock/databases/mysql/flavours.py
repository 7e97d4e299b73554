"""What MySQL has and MariaDB has not, and the other way round, and since which version. They are two engines that speak one protocol.

Manual: https://dev.mysql.com/doc/refman/8.4/en/ and https://mariadb.com/kb/en/. Everything that differs between them by product or
version, and that a table can have, is here.
"""

from __future__ import annotations

from collections.abc import Mapping

from penstock.databases.values import Server
from penstock.model.schema import Type

Since = Mapping[str, tuple[int, ...]]

FEATURES: Mapping[str, Since] = {
    "invisible column": {"MySQL": (8, 0, 23), "MariaDB": (10, 3)},
    "invisible index": {"MySQL": (8, 0), "MariaDB": (10, 6)},  # MariaDB calls it ignored
    "functional index": {"MySQL": (8, 0, 13)},
    "not enforced": {"MySQL": (8, 0, 16)},
}
# Another server of these products creates every type as it is declared, except an enum and a set, whose labels are written anew.
KEPT = r"(?!enum\(|set\().*"
TYPES: Mapping[str, Since] = {
    r"uuid": {"MariaDB": (10, 7)},
    r"inet6": {"MariaDB": (10, 5)},
    r"inet4": {"MariaDB": (10, 10)},
    r"json": {"MySQL": (5, 7, 8)},  # of MariaDB it is a longtext with a check
    r"vector\(\d+\)": {"MySQL": (9, 0), "MariaDB": (11, 7)},
    r".* SRID \d+": {"MySQL": (8, 0, 3)},
    r".*COMPRESSED.*": {"MariaDB": (10, 3, 2)},
}
# The words of one product, which the other one skips as a comment.
IGNORED = "/*!80000 INVISIBLE */ /*M!100600 IGNORED */"


def why_other_form(type: Type, server: Server) -> str:
    """Why a column of this type arrives at this server as another type."""
    if type.name in ("json", "jsonb") and server.product == "MySQL":
        return "MySQL's json would change its numbers and the order of its keys"
    if type.name in ("json", "jsonb"):
        return "MariaDB's json is a longtext too"
    own = {"uuid": "uuid", "inet": "inet6"}.get(type.name, "")
    since = TYPES.get(own, {})
    if server.has(since):
        return f"only from another MariaDB a column arrives as MariaDB's {own}"
    if server.product in since:
        return f"{server} has no {own}, {server.product} {'.'.join(map(str, since[server.product]))} is the first that has"
    return f"{server.product} has no {type}"
