"""What a table has beside columns and keys, carried to the target: checks, expressions, special indexes, comments, partitions.

Between two servers of one kind they go in that database's own words. To another database an expression goes only where
`expressions` is sure of it. Whatever does not come along is told, in a line each.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from penstock.errors import UnsupportedType
from penstock.model.schema import Check, Column, Exclusion, ForeignKey, Index, Numbering, Part, PrimaryKey, Table
from penstock.model.schema_difference import SchemaDifference
from penstock.model.schema_facts import check_name
from penstock.planning import carried_constraints, expressions
from penstock.planning.carried_constraints import LostPart
from penstock.planning.ends import Ends
from penstock.planning.expressions import Known, NotSure
from penstock.transforms._changes import StepLoss, lost_parts, shown_default
from penstock.transforms._mapping import Mapped

_TOKEN = r"""(?P<text>'(?:{text})*')|(?P<quoted>"(?:[^"]|"")*"|`(?:[^`]|``)*`)|(?P<word>\w+)|(?P<dot>\.)|\s+|."""
_TOKENS = re.compile(_TOKEN.format(text="[^']|''"), re.DOTALL)
_ESCAPED_TOKENS = re.compile(_TOKEN.format(text=r"[^'\\]|''|\\."), re.DOTALL)  # where a backslash escapes a quote
# A name with its schema is not the server's own (see `databases.postgresql.objects`); a sequence's name is inside a text.
_ELSEWHERE = re.compile(r"\bregclass\b")

_LAST_NUMBER = 2**63 - 1
_WORDED_ANEW = ("interval", "timetz")


def carry(called: str, source: Table, target: Table, mapped: Mapped, ends: Ends) -> tuple[Table, list[SchemaDifference]]:
    """`target` with what it can have of `source`'s checks, expressions, indexes, comments and partitions, and what it can't.

    called: the table's name in the run.  mapped: what the steps make of the table.
    """
    changed = {name: made[-1].step for name, made in mapped.changes.items() if made}
    carrier = _Carrier(called, source, target, mapped.kept_values, ends, changed, mapped.names)
    for part in lost_parts(mapped.changes):
        carrier.lost_by_step(part)
    columns = tuple(carrier.column(c) for c in target.columns)
    carrier.lost_generated(columns)
    columns = carrier.numbered(columns)
    carrier.without_default(columns)
    made = replace(
        target,
        columns=columns,
        dialect=carrier.to.dialect,
        primary=carrier.primary(),
        indexes=(*map(carrier.plain_index, target.indexes), *filter(None, map(carrier.index, (i for i in source.indexes if not i.plain)))),
        foreign_keys=tuple(filter(None, map(carrier.foreign_key, target.foreign_keys))),
        exclusions=tuple(filter(None, map(carrier.exclusion, source.exclusions))),
        checks=tuple(filter(None, map(carrier.check, source.checks))),
        comment=source.comment if "comment" in carrier.features else "",
        partitioning=source.partitioning if carrier.partitioned() else None,
        inherits=(),
        collation=source.collation if ends.alike else "",
    )
    carrier.comments(source)
    carrier.loosely_compared()
    return carrier.optioned(made), carrier.told


@dataclass
class _Carrier:
    """called: the table's name in the run.  names: source to target column, of those whose values arrive as they were, or as equal ones.

    changed: the step that changes a column, by its name at the source.  mapped_names: source column to target column, of all.
    """

    called: str
    source: Table
    target: Table
    names: Mapping[str, str]
    ends: Ends
    changed: Mapping[str, str]
    mapped_names: Mapping[str, str]
    told: list[SchemaDifference] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.from_, self.to, self.alike, self.features = self.ends.from_, self.ends.to, self.ends.alike, self.ends.features
        self.origin = {new: old for old, new in self.names.items()}
        self.known = {old: self._known(old, new) for old, new in self.names.items()}

    def _known(self, old: str, new: str) -> Known:
        column, arrives = self.source.column(old), self.target.column(new)
        kind = expressions.family(column.type)
        if kind != expressions.family(arrives.type):
            kind = "decimal" if expressions.family(arrives.type) == "decimal" else "other"
        if kind not in ("boolean", "text") and not self._compares(arrives):
            kind = "other"
        return Known(new, kind, not column.collation or self._exactly(column.collation))

    def _exactly(self, collation: str) -> bool:
        """Whether the source distinguishes any two texts of a column with this collation."""
        rules = self.from_.expression_rules
        return rules is not None and re.fullmatch(rules.exact_collations, collation) is not None

    def _compares(self, column: Column) -> bool:
        """Whether the target compares values of its type as the source does: not where it keeps them as texts, as SQLite long decimals."""
        try:
            return self.to.maps_exactly(column.type) and "TEXT" not in self.to.native(column.type)
        except UnsupportedType:
            return False

    def says(self, text: str, without: Iterable[str] = ()) -> str:
        """The expression as the target writes it. Raises NotSure. `without`: columns that it must not name there."""
        rules = self.from_.expression_rules
        named = list(_names(text, _ESCAPED_TOKENS if rules and rules.backslash_escapes else _TOKENS))
        own = "." in named or _ELSEWHERE.search(text)
        mentioned = [c.name for c in self.source.columns if c.name in named or c.name.lower() in named]
        for name in mentioned:
            if name not in self.names:
                raise NotSure(self._why_not(name))
        if self.alike and not own and all(self.names.get(c) == c for c in mentioned):
            return text
        if rules and _ELSEWHERE.search(text):
            raise NotSure("it is not the server's own")
        return expressions.translate(text, self.from_, self.to, {n: k for n, k in self.known.items() if n not in without})

    def _at_source(self, column: str) -> str:
        """A column of the target by its name at the source."""
        return next((old for old, new in self.mapped_names.items() if new == column), column)

    def _why_not(self, column: str) -> str:
        """Why the values of a column are others at the target."""
        return f"the step `{self.changed[column]}` changes {column}" if column in self.changed else f"a step drops {column}"

    def lost_by_step(self, part: StepLoss) -> None:
        """A property that a step takes from a column, unless that is reported otherwise."""
        if part.property != "comment" or "comment" in self.to.table_features:
            why = f"the step `{part.step}` changes the column"
            line = f"{part.part} of {part.column} is not carried: {why}"
            self.report(SchemaDifference(self.called, "column", part.column, part.property, part.was, "", "declared", why, line))

    def lose(self, object: str, name: str, property: str, source: str, why: object, line: str = "") -> None:
        """Report a property, or the object as a whole (""), as lost. source: its text.  line: the sentence, if it is a special one."""
        self.report(SchemaDifference(self.called, object, name, property, source, "", "lost", str(why), line))

    def _lose_parts(self, object: str, name: str, lost: Iterable[LostPart]) -> None:
        for part in lost:
            self.lose(object, name, part.property, part.source, part.reason, part.line)

    def adapt(self, object: str, name: str, property: str, source: str, target: str, why: object, line: str = "") -> None:
        """Report a property that has a counterpart at the target."""
        self.report(SchemaDifference(self.called, object, name, property, source, target, "adapted", str(why), line))

    def report(self, difference: SchemaDifference) -> None:
        """Add a difference that `penstock check` warns of."""
        self.told.append(replace(difference, warned=True))

    # ---- columns

    def column(self, column: Column) -> Column:
        made = replace(column, expression="", generated="", comment=column.comment if "comment" in self.features else "")
        made = self._own(made)
        if self.alike and column.named_type.removesuffix("[]") in self.ends.named_types and column.name in self.origin:
            made = replace(made, kept=column.named_type)
        elif self._keeps(column):
            made = replace(made, kept=column.native)
        self._of_domain(made)
        if not self.alike:
            made = self._translated(made)
        if column.generated and (kind := self._kind(column)):
            try:
                return replace(made, generated=self._generated(column), stored=kind == "stored", default=None)
            except NotSure as why:
                self._plainly(self._at_source(column.name), why)
        elif column.generated:
            self._plainly(self._at_source(column.name), f"{self.to.label} has none")
        made = self._default(made, column)
        if column.numbering and not self.alike:
            made = replace(made, numbering=self._numbering(column))
        return made

    def numbered(self, columns: tuple[Column, ...]) -> tuple[Column, ...]:
        """The columns, without the numbering that the target has only in a key."""
        first = {names[0] for names in (self.target.primary_key, *(i.columns for i in self.target.indexes)) if names}
        first |= {part.column for i in self.source.indexes for part in i.parts[:1] if self.alike}
        lost = [c.name for c in columns if c.identity and c.name not in first] if self.to.numbers_keys_only else []
        for name in lost:
            why = f"{self.to.label} numbers a column only if a key or an index begins with it"
            self.lose("column", self._at_source(name), "identity", "yes", why, f"the numbering of {name} is not carried: {why}")
        return tuple(replace(c, identity=False, numbering=None) if c.name in lost else c for c in columns)

    def _default(self, made: Column, column: Column) -> Column:
        """`made` with the default that `column` may have at the target."""
        if column.expression:
            try:
                return replace(made, expression=self.says(column.expression, without=self.names))
            except NotSure as why:
                self.lose("column", self._at_source(column.name), "default", column.expression, why)
        elif column.default and not self.alike and column.type.name in _WORDED_ANEW:
            form = f"the values of {column.type} are written in another form here"
            self.lose("column", self._at_source(column.name), "default", shown_default(column), form)
            return replace(made, default=None)
        return made

    def without_default(self, columns: Sequence[Column]) -> None:
        """Tell of the columns that an INSERT could leave out at the source, and can't here."""
        for old, new in self.mapped_names.items():
            before, after = self.source.column(old), next((c for c in columns if c.name == new), None)
            if after is None or after.nullable or after.generated or after.identity or after.default is not None or after.expression:
                continue
            if before.default is not None or before.expression or before.identity or before.generated:
                line = f"{new} is NOT NULL and has no default here: an INSERT that leaves it out will fail"
                self.lose("column", old, "insert without it", "yes", "it has no default", line)

    def _translated(self, column: Column) -> Column:
        """`column` without what only its own kind of database has."""
        if column.touched:
            self.lose("column", self._at_source(column.name), "ON UPDATE", "CURRENT_TIMESTAMP", f"{self.to.label} has none")
        if own := self.from_.own_default(column):
            default = str(column.default).removeprefix("=")
            self.lose("column", self._at_source(column.name), "default", default, f"{self.to.label} has no such date or time")
        return replace(column, collation="", touched=False, default=None if own else column.default)

    def _of_domain(self, column: Column) -> None:
        """Tell of a domain that the column is not declared with here."""
        if column.named_type and column.kept != column.named_type and column.type.name not in ("enum", "array"):
            why = "its base type is carried, its constraints are not"
            line = f"{column.name} is of the domain {column.named_type}: {why}"
            self.lose("column", self._at_source(column.name), "named type", column.named_type, why, line)

    def _keeps(self, column: Column) -> bool:
        """Whether the column's type is created as it is declared: also between MySQL and MariaDB, but for texts, which have a collation."""
        if column.name not in self.origin or not self.ends.related:
            return False
        return (self.alike or not column.collation) and self.to.keeps(column.native, self.ends.server)

    def _own(self, column: Column) -> Column:
        """`column` with what only some servers have."""
        if column.invisible and not self.ends.has("invisible column"):
            why = self.ends.lacks("invisible column")
            line = f"{column.name} is invisible at the source; here SELECT * shows it: {why}"
            self.lose("column", self._at_source(column.name), "invisible", "yes", why, line)
            column = replace(column, invisible=False)
        if column.unchecked_null and not self.ends.has("not null not valid"):
            why = "it is NOT VALID at the source, so rows may have NULLs"
            line = f"NOT NULL of {column.name} is not carried: {why}"
            self.lose("column", self._at_source(column.name), "unchecked null", column.unchecked_null, why, line)
            column = replace(column, unchecked_null="")
        kept = tuple(w for w in column.storage if self.ends.has("compression" if w.startswith("COMPRESSION") else "storage"))
        if lost := [words for words in column.storage if words not in kept]:
            why = f"{self.to.label} has none"
            line = f"{', '.join(lost)} of {column.name} is not carried: {why}"
            self.lose("column", self._at_source(column.name), "storage", ", ".join(lost), why, line)
        return replace(column, storage=kept)

    def _kind(self, column: Column) -> str:
        wanted = ["stored", "virtual"] if column.stored else ["virtual", "stored"]
        return next((kind for kind in wanted if kind in self.features), "")

    def _generated(self, column: Column) -> str:
        keyed = {*self.target.primary_key, *(c for i in self.target.indexes for c in i.columns), *self._referring()}
        if not self.alike and column.name in keyed:
            raise NotSure("it is part of a key")
        return self.says(column.generated, self._numbered())

    def _referring(self) -> Iterable[str]:
        return (c for f in self.target.foreign_keys for c in f.columns)

    def _numbered(self) -> list[str]:
        """Columns that no expression at the target may name: those that it numbers, where they have no value yet when it is computed."""
        rules = self.to.expression_rules
        allowed = self.alike or rules is None or rules.numbered_columns
        return [] if allowed else [c.name for c in self.source.columns if c.identity]

    def _plainly(self, name: str, why: object) -> None:
        line = f"{name} is generated at the source and a plain column here, its values are carried: {why}"
        self.lose("column", name, "generated", self._expression(name), why, line)

    def _expression(self, name: str) -> str:
        """By what a column is generated. name: at either end."""
        found = (c.generated for c in self.source.columns if name in (c.name, self.names.get(c.name)))
        return next(found, "")

    def lost_generated(self, columns: Sequence[Column]) -> None:
        """Tell of generated columns that a step has made plain ones."""
        at_target = {c.name for c in self.target.columns if c.generated}
        for column in self.source.columns:
            arrives = self.names.get(column.name)
            if column.generated and arrives not in at_target and any(c.name in (arrives, column.name) for c in columns):
                self._plainly(column.name, "a step of the migration makes its values")

    def _numbering(self, column: Column) -> Numbering | None:
        numbering = column.numbering
        if numbering and numbering.next and numbering.next > _LAST_NUMBER and not self.ends.related:
            why = f"{self.to.label} numbers up to {_LAST_NUMBER}"
            line = f"the next number of {column.name}, {numbering.next}, is not carried: {why}"
            self.lose("column", self._at_source(column.name), "next number", str(numbering.next), why, line)
            numbering = replace(numbering, next=None)
        if numbering is None or "numbering" in self.features:
            return numbering and replace(numbering, unique=False)
        if numbering.minimum is not None or numbering.maximum is not None or numbering.cycle:
            why = f"{self.to.label} has none"
            line = f"the limits of the numbers of {column.name}, or that they begin again is not carried: {why}"
            self.lose("column", self._at_source(column.name), "limits of the numbers", "", why, line)
        numbering = replace(numbering, minimum=None, maximum=None, cycle=False, cache=1, unique=False)
        if numbering.step != 1 or numbering.always:
            how = f"in steps of {numbering.step}" if numbering.step != 1 else "whatever number is given"
            rule = f"{self.to.label}'s own rule"
            self.lose(
                "column",
                self._at_source(column.name),
                "numbering",
                how,
                rule,
                f"{column.name} is numbered {how} at the source; here by {rule}",
            )
        return replace(numbering, step=1, start=1, always=False) if numbering.step > 0 else None

    # ---- checks and indexes

    def check(self, check: Check) -> Check | None:
        found, why_not = carried_constraints.check(check, self.ends)
        try:
            if found is None:
                raise NotSure(why_not)
            return replace(found, expression=self.says(check.expression, self._numbered()), column=self.names.get(found.column, ""))
        except NotSure as why:
            line = " ".join(
                filter(None, ("check constraint", check.name and f"{check.name},", f"{check.expression}, is not carried: {why}"))
            )
            self.lose("check constraint", check_name(self.source, check), "", check.expression, why, line)
            return None

    def primary(self) -> PrimaryKey:
        if not self.target.primary_key:
            return PrimaryKey()
        made, lost = carried_constraints.primary_key(self.source.primary, self.names, self.ends)
        self._lose_parts("primary key", "", lost)
        return made

    def foreign_key(self, key: ForeignKey) -> ForeignKey | None:
        if not self.to.foreign_keys:  # the check `other_forms` reports it
            return key
        made, lost = carried_constraints.foreign_key(key, self.names, self.ends)
        self._lose_parts("foreign key", key.name, lost)
        return made

    def exclusion(self, exclusion: Exclusion) -> Exclusion | None:
        try:
            if not self.ends.has("exclusion"):
                raise NotSure(self.ends.lacks("exclusion"))
            return replace(exclusion, definition=self.says(exclusion.definition))
        except NotSure as why:
            line = f"exclusion constraint {exclusion.name}, {exclusion.definition}, is not carried: {why}"
            self.lose("exclusion constraint", exclusion.name, "", exclusion.definition, why, line)
            return None

    def plain_index(self, index: Index) -> Index:
        made, lost = carried_constraints.index(index, self.names, self.ends)
        self._lose_parts("unique index" if index.unique else "index", index.name, lost)
        return made

    def index(self, index: Index) -> Index | None:
        kind = "unique index" if index.unique else "index"
        try:
            return self._index(index)
        except NotSure as why:
            said = described(index)
            self.lose(kind, index.name, "", said, why, f"{kind} {index.name} ({said}) is not carried: {why}")
            return None

    def _index(self, index: Index) -> Index:
        for thing, there in (("partial index", index.where), ("expression index", any(p.expression for p in index.parts))):
            if there and not self.alike and thing not in self.features:
                other = "functional index" in self.features and thing == "expression index"
                only = f"an index on an expression arrives only from another {self.ends.server.product}"
                raise NotSure(only if other else f"{self.to.label} has no {thing}")
        if not self.to.secondary_indexes:
            raise NotSure(f"{self.to.label} could not switch the table with it")
        if any(p.expression for p in index.parts) and "functional index" in self.to.since and not self.ends.has("functional index"):
            raise NotSure(self.ends.lacks("functional index"))
        index = self.plain_index(index)
        if not self.ends.related and (index.method or any(p.order not in ("", "DESC") for p in index.parts)):
            raise NotSure(f"{self.to.label} has none that is the same")
        if not self.alike and index.include:
            held = ", ".join(index.include)
            line = f"index {index.name} is made without the columns that it only holds: {held}"
            self.lose("index", index.name, "include", held, f"{self.to.label} has none that is the same", line)
        made = replace(
            index,
            parts=tuple(map(self._part, index.parts)),
            where=self.says(index.where) if index.where else "",
            include=tuple(map(self._name, index.include)) if self.alike else (),
        )
        return made.simplified

    def _part(self, part: Part) -> Part:
        if part.column:
            return replace(part, column=self._name(part.column))
        return replace(part, expression=self.says(part.expression))

    def _name(self, column: str) -> str:
        if column not in self.names:
            raise NotSure(self._why_not(column))
        return self.names[column]

    # ---- the table

    def partitioned(self) -> bool:
        cut = self.source.partitioning
        if cut is None:
            return False
        if self.alike and all(self.names.get(c) == c for c in cut.columns):
            return True
        why = "a step changes a column that they are cut by" if self.alike else f"{self.to.label} cuts tables in another way, if at all"
        by = cut.by.splitlines()[0]
        self.lose("partitions", "", "", by, why, f"its partitions, by {by}, arrive as one table: {why}")
        return False

    def optioned(self, table: Table) -> Table:
        """`table` with what else the source's table is, in its database's own words."""
        kept = {feature: self.ends.has(feature) for feature in ("unlogged", "replica identity")}
        if self.source.options and not self.alike:
            why, words = f"only {self.from_.label} has it", ", ".join(self.source.options)
            self.lose("table", "", "options", words, why, f"{words} is not carried: {why}")
        if not self.source.logged and not kept["unlogged"]:
            why = f"{self.to.label} has no such table"
            self.lose("table", "", "logged", "", why, f"that it is unlogged is not carried: {why}")
        refused = self.to.refused_options(table) if self.alike and self.source.options else {}
        options = tuple(o for o in self.source.options if self.alike and o not in refused)
        for option in self.source.options:
            if option in refused:
                self.lose("table", "", "options", option, refused[option], f"{option} is not carried: {refused[option]}")
        identity = self.source.replica_identity
        known = identity in ("", "FULL", "NOTHING", *(i.name for i in table.indexes))
        if identity and not (kept["replica identity"] and known):
            why = f"{self.to.label} has none" if known else "its index is not carried"
            line = f"REPLICA IDENTITY {identity} is not carried: {why}"
            self.lose("table", "", "replica identity", identity, why, line)
        return replace(
            table,
            options=options,
            logged=self.source.logged or not kept["unlogged"],
            replica_identity=identity if kept["replica identity"] and known else "",
        )

    def comments(self, source: Table) -> None:
        if "comment" not in self.features:
            why = f"{self.to.label} keeps none"
            found = [("table", "", source.comment)] if source.comment else []
            found += [("column", c.name, c.comment) for c in source.columns if c.comment]
            places = ", ".join(name or "the table" for _, name, _ in found)
            for kind, name, comment in found:  # in one line, which the first has
                self.lose(kind, name, "comment", comment, why, f"the comment on {places} is not carried: {why}")
                self.told[-1] = replace(self.told[-1], warned=(kind, name, comment) == found[0])

    def loosely_compared(self) -> None:
        """Tell of keys whose texts the source compares by a looser rule than the target."""
        loose = {c for c, known in self.known.items() if known.family == "text" and not known.exact} if not self.alike else set()
        keys = [self.source.primary_key, *(i.columns for i in self.source.indexes if i.unique)]
        for column in dict.fromkeys(c for key in keys for c in key if c in loose):
            rule = self.source.column(column).collation
            line = f"{column} is a key by {rule} at the source; here texts that differ in anything are different keys"
            self.adapt("column", column, "collation", rule, "by bytes", "a key distinguishes all texts", line)
        for key in self.source.foreign_keys:
            if loose & set(key.columns):
                line = f"foreign key {key.name} holds by a looser rule at the source: a text that differs from its key breaks it here"
                self.adapt("foreign key", key.name, "collation", "a looser rule", "by bytes", "a key distinguishes all texts", line)


def _names(text: str, tokens: re.Pattern[str]) -> Iterable[str]:
    """The identifiers of an expression, unquoted, words in lower case too; a dot for one that qualifies a name."""
    before = ""
    for match in tokens.finditer(text):
        kind = match.lastgroup
        if kind == "quoted":
            q = match[0][0]
            yield match[0][1:-1].replace(q + q, q)
        elif kind == "word":
            yield match[0]
            yield match[0].lower()
        elif kind == "dot" and not before.isdigit():
            yield "."
        before = match[0]


def described(index: Index) -> str:
    words = [", ".join(" ".join(filter(None, (p.column or p.expression, p.order))) for p in index.parts)]
    words += [f"by {index.method}"] * bool(index.method) + [f"where {index.where}"] * bool(index.where)
    return " ".join(words)
