"""Every difference between a source table and the target table that is planned for it, with what became of it and why.

The two tables are compared fact by fact. A difference that the planning has reported with a reason keeps it; a step explains those of the
columns that it changes. Any other one is lost, and `penstock check` warns of it: nothing is left out in silence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from penstock.model.plan import TablePlan
from penstock.model.schema import Column, ForeignKey, Table
from penstock.model.schema_difference import Result, SchemaDifference
from penstock.model.schema_facts import Change, View, changes, facts, named_alike
from penstock.planning import built_schema
from penstock.planning.ends import Ends
from penstock.transforms import Step
from penstock.transforms._mapping import trace

_NOTE = re.compile(
    r"(?P<kind>trigger|policy|rule|index|unique constraint|constraint|foreign key|storage parameter) (?P<name>.*?)"
    r"(?: is (?P<property>deferrable)|:? .*)?",
    re.DOTALL,
)


def find(plan: TablePlan, reported: Iterable[SchemaDifference], ends: Ends) -> tuple[SchemaDifference, ...]:
    """The differences of a table. reported: those that planning knows the reason of."""
    finder = _Finder(plan, {d.key(): d for d in reported}, ends)
    found = [*finder.reported.values(), *finder.notes(), *finder.columns(), *finder.not_created(), *finder.changed()]
    unique: dict[tuple[str, str, str], SchemaDifference] = {}
    for difference in found:
        unique.setdefault(difference.key(), difference)
    return tuple(unique.values())


class _Finder:
    def __init__(self, plan: TablePlan, reported: Mapping[tuple[str, str, str], SchemaDifference], ends: Ends) -> None:
        self.plan, self.reported, self.ends = plan, reported, ends
        self.source, self.to = plan.source, ends.to
        self.steps = _Steps(plan)
        self.possible = built_schema.possible(plan.target, self.to)
        self.names = self.steps.names
        self.origin = {new: old for old, new in self.names.items()}

    def _differs(self, change: Change, result: Result, reason: str, line: str = "", warned: bool = False) -> SchemaDifference:
        """A change with what became of it. A loss is always warned of."""
        of = (change.object, change.name, change.property, change.before, change.after)
        return SchemaDifference(self.plan.name, *of, result, reason, line, warned or result == "lost")

    # ---- what the facts of a table do not have

    def notes(self) -> Iterator[SchemaDifference]:
        """What the catalogue has seen and can't carry."""
        for note in self.source.notes:
            match = _NOTE.fullmatch(note)
            kind, name, property = (match["kind"], match["name"], match["property"] or "") if match else ("other", note, "")
            yield self._differs(Change(kind, name, property, note, ""), "lost", "", f"not carried: {note}")

    def columns(self) -> Iterator[SchemaDifference]:
        """Columns that a step drops, renames or makes."""
        for column in self.source.columns:
            arrives = self.names.get(column.name)
            if arrives is None:
                gone = Change("column", column.name, "", str(column.type), "")
                yield self._differs(gone, "declared", self.steps.dropped(column.name))
            elif arrives != column.name:
                renamed = Change("column", column.name, "name", column.name, arrives)
                yield self._differs(renamed, "declared", self.steps.renamed(column.name))
        for column in self.plan.target.columns:
            if column.name not in self.origin:
                made = Change("column", column.name, "", "", str(column.type))
                yield self._differs(made, "declared", self.steps.made(column.name))
        if not self.plan.source_primary_key and self.source.primary_key:
            columns = ", ".join(self.source.primary_key)
            yield self._differs(Change("primary key", "", "", "", columns), "declared", "`key` of the migration file")

    def not_created(self) -> Iterator[SchemaDifference]:
        """Indexes and foreign keys that the target can't have."""
        why = f"{self.to.label} can't switch a table that has one"
        for index in self.plan.target.indexes:
            if not self.to.secondary_indexes and not (index.unique and index.plain):
                gone = Change("index", index.name, "", ", ".join(index.columns), "")
                yield self._differs(gone, "lost", why, f"index {index.name} is not created: {why}")
        for key in self.plan.target.foreign_keys if not self.to.foreign_keys else ():
            gone = Change("foreign key", key.name, "", f"to {key.ref_table}", "")
            yield self._differs(gone, "lost", why, f"foreign key {key.name} is not created: {why}")

    # ---- facts that differ

    def changed(self) -> Iterator[SchemaDifference]:
        """Every other fact that is not the same in the planned table."""
        source = self._in_target_names()
        named = named_alike(source, self.possible)
        expression = built_schema.presence
        there = facts(source, View(self._type_at_source, expression))
        here = facts(named, View(self._type_at_target, expression))
        for change in changes(there, here):
            found = self._judged(change)
            if found is not None:
                yield found
        yield from self._other_names(named)

    def _in_target_names(self) -> Table:
        """The source table with the columns that arrive, under the names that they have at the target."""
        table, names = self.source, self.names

        def renamed(columns: Sequence[str]) -> tuple[str, ...]:
            return tuple(names.get(c, c) for c in columns)

        planned = {k.name: k for k in self.plan.target.foreign_keys}

        def linked(key: ForeignKey) -> ForeignKey:
            twin = planned.get(key.name) or next((k for k in planned.values() if k.columns == renamed(key.columns)), key)
            return replace(
                key, columns=renamed(key.columns), ref_table=twin.ref_table, ref_columns=twin.ref_columns, ref_schema=twin.ref_schema
            )

        both = {"unique constraint"} <= self.to.table_features & self.ends.from_.table_features
        return replace(
            table,
            columns=tuple(replace(c, name=names[c.name]) for c in table.columns if c.name in names),
            primary_key=renamed(table.primary_key),
            foreign_keys=tuple(map(linked, table.foreign_keys)),
            indexes=tuple(
                replace(
                    i,
                    columns=renamed(i.columns),
                    parts=tuple(replace(p, column=names.get(p.column, p.column)) for p in i.parts),
                    include=renamed(i.include),
                    constraint=i.constraint and both,
                )
                for i in table.indexes
            ),
        )

    def _type_at_source(self, column: Column) -> str:
        return f"{column.type}{self._written(column.named_type or column.native)}"

    def _type_at_target(self, column: Column) -> str:
        own = column.type.name == "unsupported" or built_schema.named(column)
        kind = column.type if own else self.to.canonical(column.native)
        written = column.native if column.kept else _catalogued(column.native, self.to.type_synonyms)
        return f"{kind}{self._written(written)}"

    def _written(self, native: str) -> str:
        """Between two servers of one kind, the type as the catalogue writes it."""
        return f" {' '.join(native.lower().split())}" if self.ends.alike else ""

    def _judged(self, change: Change) -> SchemaDifference | None:
        """A fact that differs as a difference; None where it is reported already, or follows from what is."""
        if change.object == "column":
            if change.name not in self.origin:
                return None  # `columns` has it
            change = replace(change, name=self.origin[change.name])
        kind, name, property = change.object, change.name, change.property
        if (kind, name, property) in self.reported or (kind, name, "") in self.reported:
            return None
        if kind == "column":
            return self._of_column(change)
        if property == "order of columns":
            moved = [c for c in change.after.split(", ") if c in self.origin]
            return None if moved == change.before.split(", ") else self._differs(change, "declared", self.steps.last)
        change = replace(change, object=self._kind(kind, name))
        if cause := self._dropped_with(kind, name):
            return self._differs(change, "declared", cause[0], cause[1], warned=True)
        if kind == "table" and property == "collation" and not self.ends.alike:
            return self._differs(change, "adapted", "it is that of new columns; texts that differ in any byte are different")
        if kind == "foreign key" and (change.before, change.after) == ("RESTRICT", ""):
            return self._differs(change, "adapted", "NO ACTION refuses as well, at the end of the statement")
        if property == "" and not change.before:
            return self._differs(change, "adapted", f"as {self.to.label} needs it")
        return self._differs(change, "lost", f"the table is planned without it for {self.to.label}")

    def _kind(self, kind: str, name: str) -> str:
        unique = kind == "index" and any(i.unique for i in self.source.indexes if i.name == name)
        return "unique index" if unique else kind

    def _of_column(self, change: Change) -> SchemaDifference | None:
        column, property, label = self.source.column(change.name), change.property, self.to.label
        if property == "stored" and not (change.before and change.after):
            return None  # it is generated at one end only, which is a difference of its own
        if property in ("numbering", "next number") and not self._numbered(column):
            return None
        if cause := self.steps.changed(column.name):
            return self._differs(change, "declared", cause)
        if property == "type":
            change = replace(change, before=column.native, after=self.possible.column(self.names[column.name]).native)
            return self._differs(change, "adapted", f"{label} has no type that is the same")
        if property == "identity":
            line = f"{column.name} keeps its numbers; {label} does not number new rows by itself"
            return self._differs(change, "lost", f"{label} does not number new rows", line)
        adapted = {
            "nullable": "no column of a primary key is NULL" if change.after == "NOT NULL" else "",
            "collation": "texts that differ in any byte are different" if not self.ends.alike else "",
            "stored": f"{label} has no others",
            "named type": "its labels are kept by the type or by a check",
            "numbers given once": "" if change.after else "no number is given twice there",
            "limits of the numbers": f"{label} has its own cache of numbers" if "cache" in change.before else "",
            "next number": "the numbers go on after the highest one" if not change.after else "",
        }
        if why := adapted.get(property):
            return self._differs(change, "adapted", why)
        return self._differs(change, "lost", f"the column is planned without it for {label}")

    def _numbered(self, column: Column) -> bool:
        target = self.plan.target
        arrives = target.column(self.names[column.name])
        return arrives.identity and self.to.numbers(arrives, target)

    def _dropped_with(self, kind: str, name: str) -> tuple[str, str] | None:
        """The step that drops a column of a key or index, and the line of it; None where there is none."""
        columns: tuple[str, ...] = ()
        if kind == "primary key":
            columns = self.source.primary_key
        elif kind == "index":
            columns = next((i.columns for i in self.source.indexes if i.name == name), ())
        elif kind == "foreign key":
            columns = next((k.columns for k in self.source.foreign_keys if k.name == name), ())
        gone = next((c for c in columns if c not in self.names), None)
        if gone is None:
            return None
        what = f"{kind} {name}".strip()
        return self.steps.dropped(gone), f"not carried: {what} ({', '.join(columns)}), because a step drops a column of it"

    def _other_names(self, named: Table) -> Iterator[SchemaDifference]:
        """Objects that have another name at the target."""
        target = self.possible
        pairs = [("index", a.name, b.name) for a, b in zip(named.indexes, target.indexes, strict=True)]
        pairs += [("foreign key", a.name, b.name) for a, b in zip(named.foreign_keys, target.foreign_keys, strict=True)]
        pairs += [("check constraint", a.name, b.name) for a, b in zip(named.checks, target.checks, strict=True)]
        for kind, was, now in pairs:
            if was != now:
                yield self._differs(Change(kind, was, "name", was, now), "adapted", "the name is taken there, or too long")


def _catalogued(native: str, synonyms: Mapping[str, str]) -> str:
    """A type as the catalogue writes it."""
    word = next((w for w in synonyms if re.match(rf"{w}\b", native)), "")
    return synonyms[word] + native.removeprefix(word) if word else native


class _Steps:
    """Which step of a table's is the cause of a difference, in words such as `step 2 (cast)`."""

    def __init__(self, plan: TablePlan) -> None:
        self.steps: Sequence[Step] = plan.steps
        self._trace = trace([c.name for c in plan.source.columns], plan.steps)
        present = {c.name for c in plan.target.columns}
        self.names = {old: new for old, new in self._trace.names.items() if new in present}

    @property
    def last(self) -> str:
        return self._words(len(self.steps)) if self.steps else "the migration file"

    def dropped(self, column: str) -> str:
        return self._words(self._trace.dropped.get(column, 0)) or self.last

    def renamed(self, column: str) -> str:
        return self._words(self._trace.renamed.get(column, 0)) or self.last

    def changed(self, column: str) -> str:
        """Empty where no step may have changed its values."""
        return self._words(self._trace.touched.get(column, 0))

    def made(self, column: str) -> str:
        """The last step that names the column."""
        return self._words(max((n for n, (_, args) in enumerate(self.steps, 1) if column in str(args)), default=0)) or self.last

    def _words(self, number: int) -> str:
        return f"step {number} ({self.steps[number - 1][0]})" if number else ""
