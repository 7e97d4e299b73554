"""How a source table becomes a target table: what the declared transforms make of its columns, keys and indexes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from penstock.model.schema import Column, ForeignKey, Table, TableName


@dataclass(frozen=True)
class Mapped:
    """The target table, the source columns whose values arrive as they were, and what could not come along."""

    table: Table
    untouched: dict[str, str]
    lost: tuple[str, ...]


def map_table(source: Table, columns: tuple[Column, ...], steps: Sequence[tuple[str, Any]], live: TableName) -> Mapped:
    """`source` as the table `live` with the output `columns` of `steps`.

    Keys, plain indexes and foreign keys follow their columns under new names; one whose column was dropped is lost, and named.
    """
    names, untouched = _traced(source, steps)
    present = {c.name for c in columns}
    names = {old: new for old, new in names.items() if new in present}
    lost = []

    def follow(what: str, wanted: tuple[str, ...]) -> tuple[str, ...]:
        if all(c in names for c in wanted):
            return tuple(names[c] for c in wanted)
        lost.append(f"{what} ({', '.join(wanted)}): a column of it is dropped")
        return ()

    primary = follow("primary key", source.primary_key) if source.primary_key else ()
    plain = [i for i in source.indexes if i.plain]  # of others, `objects` knows what comes along
    indexes = tuple(replace(i, columns=kept) for i in plain if (kept := follow(f"index {i.name}", i.columns)))
    foreign = tuple(replace(f, columns=kept) for f in source.foreign_keys if (kept := follow(f"foreign key {f.name}", f.columns)))
    table = Table(live, columns, primary, indexes, foreign, source.notes)
    return Mapped(table, {o: n for o, n in names.items() if o in untouched}, tuple(lost))


def _traced(source: Table, steps: Sequence[tuple[str, Any]]) -> tuple[dict[str, str], set[str]]:
    """Source column to its last name, and the source columns whose values no step can have changed."""
    names = {c.name: c.name for c in source.columns}
    touched: set[str] = set()
    for name, args in steps:
        if name == "rename":
            names = {old: args.get(new, new) for old, new in names.items()}
        elif name == "python":
            touched |= set(names)
        elif name == "drop":
            gone = {args} if isinstance(args, str) else set(args)
            names = {old: new for old, new in names.items() if new not in gone}
        elif name != "filter" and isinstance(args, Mapping):
            touched |= {old for old, new in names.items() if new in args}
    return names, set(names) - touched


def origin(source: Table, steps: Sequence[tuple[str, Any]], name: str) -> str:
    """The source column that is called `name` after these steps; `name` itself when a step has made it."""
    return next((old for old, new in _traced(source, steps)[0].items() if new == name), name)


def concealed(columns: Iterable[str], steps: Sequence[tuple[str, Any]]) -> frozenset[str]:
    """Which of the source's columns do not reach the target as they are because a step masks or drops them."""
    names = {c: c for c in columns}  # by now, and at the source
    found: set[str] = set()
    for name, args in steps:
        if name == "rename":
            names = {args.get(now, now): old for now, old in names.items()}
        elif name in ("mask", "drop"):
            found |= {names[c] for c in ([args] if isinstance(args, str) else args) if c in names}
    return frozenset(found)


def as_text(columns: Iterable[str], steps: Sequence[tuple[str, Any]]) -> frozenset[str]:
    """Which of the source's columns the steps cast to a text, or to JSON, or drop, before any other step can have looked at them."""
    names = {c: c for c in columns}  # by now, and at the source
    found: set[str] = set()
    touched: set[str] = set()
    for name, args in steps:
        if name == "rename":
            names = {args.get(new, new): old for new, old in names.items()}
            continue
        wanted: Iterable[str] = ()
        if name == "cast":
            wanted = {column for column, kind in args.items() if kind.partition("(")[0].strip() in ("string", "json")}
        elif name == "drop":
            wanted = [args] if isinstance(args, str) else args
        elif name not in ("map", "mask", "fill"):
            break  # an expression or a function may look at any column
        found |= {names[c] for c in wanted if c in names} - touched
        touched |= {names[c] for c in ([args] if isinstance(args, str) else args) if c in names}
    return frozenset(found)


def link(tables: Mapping[str, Table], renames: Mapping[str, Mapping[str, str]]) -> tuple[dict[str, Table], list[tuple[str, str]]]:
    """Point every foreign key at the target names of the table it refers to.

    tables: source name to target table.  renames: source name to source column -> target column.
    Also answers (table, foreign key) for those that refer to a table outside the migration, or to a dropped column.
    """
    linked, loose = {}, []
    for name, table in tables.items():
        keys: list[ForeignKey] = []
        for key in table.foreign_keys:
            columns = renames.get(key.ref_table, {})
            if key.ref_table not in tables or not all(c in columns for c in key.ref_columns):
                loose.append((name, f"{key.name} to {key.ref_table}"))
                continue
            referred = tables[key.ref_table].name.name
            keys.append(replace(key, ref_table=referred, ref_columns=tuple(columns[c] for c in key.ref_columns)))
        linked[name] = replace(table, foreign_keys=tuple(keys))
    return linked, loose
