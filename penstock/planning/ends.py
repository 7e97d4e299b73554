"""The two databases of a migration, and what the target's server can have."""

from __future__ import annotations

from dataclasses import dataclass

from penstock.databases import Database, Server


@dataclass(frozen=True)
class Ends:
    """Both databases. alike: both are servers of one kind, which understand each other's own words.  server: the target's.

    named_types: the types that somebody has created at both ends with the same definition, as `Column.named_type` has their names.
    """

    from_: Database
    to: Database
    alike: bool
    server: Server
    named_types: frozenset[str] = frozenset()

    @property
    def related(self) -> bool:
        """Whether they speak one language, as MySQL and MariaDB do, which are not alike."""
        return bool(self.to.dialect) and self.from_.dialect == self.to.dialect

    @property
    def features(self) -> frozenset[str]:
        """What tables of the target's server can have, as `Database.table_features` calls it."""
        return self.to.features(self.server)

    def has(self, feature: str) -> bool:
        """Whether something of the source's own can be had at the target in the same words."""
        return self.alike and feature in self.features

    def lacks(self, feature: str) -> str:
        """Why the target can't have it."""
        newer = self.to.since.get(feature, {}).get(self.server.product)
        if newer and self.alike:
            return f"{self.server} has none, {self.server.product} {'.'.join(map(str, newer))} is the first that has"
        return f"{self.to.label} has none"
