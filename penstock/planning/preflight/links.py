"""Foreign keys at the target: each points at the table and the columns that its own become there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from penstock import transforms
from penstock.databases import Database
from penstock.model.schema import ForeignKey, Table, TableName
from penstock.model.schema_difference import SchemaDifference
from penstock.runtime.formatting import yaml
from penstock.transforms._changes import Change, changed_alike
from penstock.transforms._mapping import Mapped


@dataclass(frozen=True)
class UnlinkedKey:
    """A foreign key that is not made at the target. table: the one that has it.  why, fix: in words."""

    table: str
    key: ForeignKey
    why: str
    fix: str = ""


@dataclass(frozen=True)
class Linked:
    """tables: source name to target table.  left_out: the foreign keys that have nothing to point at."""

    tables: dict[str, Table]
    left_out: tuple[UnlinkedKey, ...]

    def left_out_of(self, table: str) -> list[SchemaDifference]:
        """The foreign keys of a source table that are left out, as differences."""
        return [_difference(left) for left in self.left_out if left.table == table]


def _difference(left: UnlinkedKey) -> SchemaDifference:
    other = TableName(left.key.ref_table, left.key.ref_schema)
    line = f"foreign key {left.key.name} to {other} is not carried: {left.why}"
    return SchemaDifference(left.table, "foreign key", left.key.name, "", f"to {other}", "", "lost", left.why, line, warned=True)


def unreferable(tables: Mapping[str, Table], to: Database) -> tuple[dict[str, Table], dict[str, list[SchemaDifference]]]:
    """The tables without foreign keys that refer to columns which are no key at the target, and by table, which these are.

    tables: at the target, by source name. Only MySQL and MariaDB let a foreign key refer to columns of any index.
    """
    if to.refers_to_any_index or not to.foreign_keys:
        return dict(tables), {}
    keys = {t.name: [{*t.primary_key}, *({*i.columns} for i in t.indexes if i.unique and i.plain)] for t in tables.values()}
    made, lost = {}, dict[str, list[SchemaDifference]]()
    for name, table in tables.items():
        missing = [k for k in table.foreign_keys if {*k.ref_columns} not in keys.get(table.referred(k), [])]
        made[name] = replace(table, foreign_keys=tuple(k for k in table.foreign_keys if k not in missing))
        if missing:
            lost[name] = [_unreferable(name, k, to) for k in missing]
    return made, lost


def _unreferable(table: str, key: ForeignKey, to: Database) -> SchemaDifference:
    columns = ", ".join(key.ref_columns)
    reason = f"{to.label} lets it refer to a primary or unique key only, and ({columns}) of {key.ref_table} is none"
    line = f"foreign key {key.name} is not carried: {reason}"
    return SchemaDifference(table, "foreign key", key.name, "", f"to {key.ref_table}", "", "lost", reason, line, warned=True)


def link(sources: Mapping[str, Table], mapped: Mapping[str, Mapped]) -> Linked:
    """Point every foreign key at the target's name of the table it refers to.

    sources: the source tables, by the same names as `mapped`.
    A key is left out that refers to a table outside the migration, or of whose columns a step makes what does not refer any more.
    """
    tables, left_out = {}, []
    by_place = {sources[name].name: name for name in mapped}
    for name, found in mapped.items():
        keys: list[ForeignKey] = []
        for key in found.table.foreign_keys:
            referred = sources[name].referred(key)
            if referred not in by_place:
                left_out.append(UnlinkedKey(name, key, f"{_shown(referred, sources[name])} is not in this migration"))
                continue
            other, parent = mapped[by_place[referred]], sources[by_place[referred]]
            own = next(f for f in sources[name].foreign_keys if f.name == key.name and f.ref_columns == key.ref_columns)
            if reason := _reason(_End(sources[name], found), _End(parent, other), own):
                left_out.append(UnlinkedKey(name, key, *reason))
                continue
            columns, at = tuple(other.names[c] for c in key.ref_columns), other.table.name
            away = at.schema if at.schema != found.table.name.schema else None
            keys.append(replace(key, ref_table=at.name, ref_schema=away, ref_columns=columns))
        tables[name] = replace(found.table, foreign_keys=tuple(keys))
    return Linked(tables, tuple(left_out))


@dataclass(frozen=True)
class _End:
    """A table at either end of a foreign key, and what the steps make of it."""

    source: Table
    mapped: Mapped

    def shown(self, column: str) -> str:
        return f"{self.source.name.name}.{column}"


def _shown(referred: TableName, table: Table) -> str:
    return referred.name if referred.schema == table.name.schema else str(referred)


def _reason(child: _End, parent: _End, key: ForeignKey) -> tuple[str, str] | None:
    """Why the key does not hold at the target any more, and what to do; None where it does."""
    for mine, theirs in zip(key.columns, key.ref_columns, strict=True):
        if theirs not in parent.mapped.names:
            return f"a step drops {parent.shown(theirs)}", ""
        own, referred = child.mapped.changes.get(mine, ()), parent.mapped.changes.get(theirs, ())
        if (not own and not referred) or changed_alike(own, referred):
            continue
        changed = child.shown(mine) if own else parent.shown(theirs)
        why = f"the step `{(own or referred)[-1].step}` changes {changed}, and {'not in the same way ' if own and referred else 'not '}"
        why += parent.shown(theirs) if own else child.shown(mine)
        if referred and not all(c.keeps_value for c in referred):
            return why, _alike(mine, theirs, own, referred)
        made = child.mapped.table.column(child.mapped.names[mine]), parent.mapped.table.column(parent.mapped.names[theirs])
        if made[0].type.name != made[1].type.name and any(c.step == "cast" for c in (*own, *referred)):
            return why, _alike(mine, theirs, own, referred)
    return None


def _alike(mine: str, theirs: str, own: Sequence[Change], referred: Sequence[Change]) -> str:
    """The step that changes the other column as well, to paste."""
    changed, other = (own, theirs) if own else (referred, mine)
    if len(changed) != 1 or (own and referred) or not transforms.of(changed[0].step).same_for_same:
        return "change both columns by the same steps"
    argument = changed[0].argument
    said = yaml(argument) if isinstance(argument, str) else f"{{{', '.join(f'{k}: {_listed(v)}' for k, v in argument.items())}}}"
    return f"change both alike: add `{changed[0].step}: {{{yaml(other)}: {said}}}` to the other table"


def _listed(value: object) -> str:
    return f"[{', '.join(map(yaml, value))}]" if isinstance(value, list) else yaml(str(value))
