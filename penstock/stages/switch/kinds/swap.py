"""Swap: the live table moves to where it is kept, and the shadow takes its name. All tables of a run in one atomic step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sqlalchemy as sa

from penstock.databases import Database, Move
from penstock.errors import Problem, SwitchRefused
from penstock.model.plan import TablePlan
from penstock.model.schema import TableName
from penstock.planning.switch_kinds import LiveFacts, SwitchKind, Undoing


class Swap(SwitchKind):
    effect = "table"
    scopes = frozenset({"whole"})

    def check(self, tables: Sequence[TablePlan], target: Database, connection: sa.Connection) -> Iterable[Problem]:
        live = [t.target.name for t in tables if t.live_exists]
        for dependent in target.dependents(connection, live) if live else ():
            if not dependent.follows and dependent.kind != "owner":  # an owner is a privilege, which the target has checked
                what = f"{dependent.kind} {dependent.name} depends on {dependent.table} and would be left on the old copy"
                fix = f"drop the {dependent.kind}, and create it again after the switch"
                yield Problem(True, f"table {dependent.table}", what, fix, "collision")

    def read(self, tables: Sequence[TablePlan], target: Database, connection: sa.Connection) -> LiveFacts:
        live = [t.target.name for t in tables if t.live_exists]
        found = _read(live, target, connection)
        if left := [d for d in found.dependents if not d.follows]:
            what = "objects depend on the live tables and would be left on the old copy"
            why = ", ".join(f"{d.kind} {d.name} on {d.table}" for d in left)
            raise SwitchRefused(what, why=why, fix="drop them, and create them again after the switch")
        return found

    def apply(self, tables: Sequence[TablePlan], target: Database, facts: LiveFacts) -> list[str]:
        kept = {t.target.name: t.kept for t in tables if t.live_exists}
        inward = [(t.shadow, t.target.name) for t in tables]
        return _moved(kept, inward, target, facts)

    def read_for_undo(self, tables: Sequence[Undoing], target: Database, connection: sa.Connection) -> LiveFacts:
        found = _read([s.live for _, s in tables], target, connection)
        if held := [d for d in found.dependents if d.kind == "foreign key" and not d.follows]:
            why = ", ".join(f"{d.name} refers to {d.table}" for d in held)
            what = "the switch can't be undone: foreign keys of other tables refer to the live ones"
            raise SwitchRefused(what, why=why, fix="undo the later run first, or drop the foreign key")
        # What depends on a table and does not follow it hinders no undo: it stays with the table that is set aside.
        return LiveFacts(tuple(d for d in found.dependents if d.follows), found.links)

    def undo(self, tables: Sequence[Undoing], target: Database, facts: LiveFacts) -> list[str]:
        aside = {s.live: s.aside for _, s in tables}
        back = [(s.kept, s.live) for _, s in tables if s.kept is not None]
        return _moved(aside, back, target, facts)


def _read(live: Sequence[TableName], target: Database, connection: sa.Connection) -> LiveFacts:
    if not live:
        return LiveFacts()
    return LiveFacts(tuple(target.dependents(connection, live)), tuple(target.links(connection, live)))


def _moved(away: dict[TableName, TableName], inward: Sequence[Move], target: Database, facts: LiveFacts) -> list[str]:
    """Statements that move tables away from their live names, and others in. What depends on a table follows its name.

    Foreign keys of a table that moves away are dropped where they refer to one that doesn't: they would hold that one back.
    """
    follow = [s for d in facts.dependents for s in d.statements]
    cut = [target.drop_foreign_key(link, away[link.table]) for link in facts.links]
    return [*target.schemas(list(away.values())), *target.moves([*away.items(), *inward]), *follow, *cut]


KIND = Swap()
