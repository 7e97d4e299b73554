"""SQL expressions from one database's words into another's: only where they surely mean the same, else not at all.

sqlglot parses and writes; what is let through is decided here, node by node, by the family that a value belongs to, and by the rules
that both databases state for their expressions (`ExpressionRules`). Left out on purpose, because databases differ in it: division and
remainders, the order of texts, times against literals, functions other than those below.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from penstock.databases import Database, ExpressionRules
from penstock.model.schema import INTEGERS, Type

if TYPE_CHECKING:
    from sqlglot import exp

Family = Literal["integer", "decimal", "text", "boolean", "date", "null", "other"]
_NUMBERS = frozenset({"integer", "decimal"})
_DATE = re.compile(r"\d{4}-\d\d-\d\d")

_SURE_FUNCTIONS = frozenset(
    {"lower", "upper", "length", "char_length", "character_length", "abs", "coalesce", "ifnull", "concat", "in", "and", "or"}
)
_SPECIAL = re.compile(r"(?i)\b(?:current|local)_?\w*\b")
_OPERATORS = {
    "div": "division",
    "intdiv": "division",
    "mod": "the remainder of a division",
    "collate": "COLLATE",
    "regexplike": "a regular expression",
}


class NotSure(Exception):
    """An expression that may mean something else at the target, with the reason in words."""


@dataclass(frozen=True)
class Known:
    """A column that an expression may name: its name at the target, its values' family, and whether `=` tells its texts apart exactly."""

    name: str
    family: Family
    exact: bool = True


def family(type: Type) -> Family:
    """The family of a type's values; `other` for those that can only be asked whether they are NULL."""
    if type.name in INTEGERS - {"year"}:
        return "integer"
    return {"decimal": "decimal", "string": "text", "enum": "text", "boolean": "boolean", "date": "date"}.get(type.name, "other")  # type: ignore[return-value]


def translate(text: str, source: Database, target: Database, columns: Mapping[str, Known]) -> str:
    """The expression `text` of the database `source` as `target` writes it, its columns under their new names.

    columns: by their names at the source. Raises NotSure.
    """
    import sqlglot
    from sqlglot.errors import SqlglotError

    rewriter = _Translator(source, target, _rules(source), _rules(target), columns, text)
    try:
        tree = sqlglot.parse_one(text, read=rewriter.read.sqlglot)
    except (SqlglotError, RecursionError):
        raise NotSure("it is more than a plain expression") from None
    try:
        made = rewriter.sure(tree)[0].sql(dialect=rewriter.write.sqlglot, identify=True)
    except SqlglotError as error:
        raise NotSure(str(error).splitlines()[0]) from None
    return made


def _rules(database: Database) -> ExpressionRules:
    if database.expression_rules is None:
        raise NotSure(f"{database.label}'s expressions are not read")
    return database.expression_rules


@dataclass
class _Translator:
    """Writes a tree anew out of what is sure. Each step answers the expression and the family of its values.

    read, write: the rules of the source's and of the target's expressions.
    """

    source: Database
    target: Database
    read: ExpressionRules
    write: ExpressionRules
    columns: Mapping[str, Known]
    text: str
    folded: bool = field(default=False)
    """Whether a text that the source compares in its own way has been named since the last comparison began."""

    def sure(self, node: exp.Expr) -> tuple[exp.Expr, Family]:
        from sqlglot import exp

        node = node.unnest()
        match node:
            case exp.Column():
                return self.column(node)
            case exp.Introducer() if str(node.this).lower() in ("_utf8mb4", "_utf8mb3", "_utf8"):
                return self.sure(node.expression)
            case exp.And() | exp.Or():
                parts = [exp.paren(self.of(p, {"boolean"}), copy=False) for p in (node.this, node.expression)]
                return type(node)(this=parts[0], expression=parts[1]), "boolean"
            case exp.Not():
                return exp.Not(this=exp.paren(self.of(node.this, {"boolean"}), copy=False)), "boolean"
            case exp.Is() if isinstance(node.expression, exp.Null):
                return exp.Is(this=self.sure_of_any(node.this), expression=exp.Null()), "boolean"
            case exp.Neg():
                inner, kind = self.sure(node.this)
                self.need(kind in _NUMBERS, "a sign before what is no number")
                return exp.Neg(this=exp.paren(inner, copy=False)), kind
            case exp.Cast():
                return self.cast(node)
        return self.constant(node) or self.comparison(node) or self.arithmetic(node) or self.function(node)

    def constant(self, node: exp.Expr) -> tuple[exp.Expr, Family] | None:
        from sqlglot import exp

        match node:
            case exp.Literal():
                return exp.Literal(this=node.this, is_string=node.is_string), self.literal(node)
            case exp.Boolean():
                return exp.Boolean(this=node.this), "boolean"
            case exp.Null():
                return exp.Null(), "null"
        return None

    def column(self, node: exp.Column) -> tuple[exp.Expr, Family]:
        known = self.known(node)
        self.need(known.family != "other", f"the type of {node.name} is not compared alike everywhere")
        self.folded = self.folded or not known.exact
        return self.named(known), known.family

    def known(self, node: exp.Column) -> Known:
        found = self.columns.get(node.name)
        if found is None:
            folded = self.source.folded(node.name)
            found = next((known for name, known in self.columns.items() if self.source.folded(name) == folded), None)
        if found is None:
            raise NotSure(f"{node.name} does not arrive as it was")
        return found

    def named(self, known: Known) -> exp.Expr:
        from sqlglot import exp

        return exp.column(exp.to_identifier(known.name, quoted=True))

    def sure_of_any(self, node: exp.Expr) -> exp.Expr:
        """What is asked whether it is NULL: a column of any type will do."""
        from sqlglot import exp

        node = node.unnest()
        return self.named(self.known(node)) if isinstance(node, exp.Column) else self.sure(node)[0]

    def literal(self, node: exp.Literal) -> Family:
        if node.is_string:
            return "text"
        self.need(re.fullmatch(r"\d+(\.\d+)?", node.this) is not None, "a number with an exponent")
        return "decimal" if "." in node.this else "integer"

    def cast(self, node: exp.Cast) -> tuple[exp.Expr, Family]:
        """Casts that only say what a value is already, as PostgreSQL writes them everywhere."""
        from sqlglot import exp

        inner, kind = self.sure(node.this)
        to = node.to
        if to.is_type("text", "varchar", "char") and not to.expressions and kind == "text":
            return inner, kind
        if isinstance(inner, exp.Literal) and kind in _NUMBERS and to.is_type("decimal", "int", "bigint", "smallint"):
            return inner, kind
        if isinstance(inner, exp.Column) and kind == "integer" and to.is_type("decimal") and not to.expressions:
            return (exp.cast(inner, "decimal(20,0)") if self.write.exact_decimals else inner), "decimal"
        if isinstance(inner, exp.Literal) and inner.is_string and to.is_type("date") and _DATE.fullmatch(inner.this):
            return self.date(inner), "date"
        if isinstance(inner, exp.Literal) and inner.is_string and to.this not in set(exp.DataType.Type) - {exp.DataType.Type.USERDEFINED}:
            return inner, kind  # the label of an enum
        raise NotSure(f"a cast to {to.sql()}")

    def date(self, literal: exp.Expr) -> exp.Expr:
        from sqlglot import exp

        return exp.cast(literal, "date") if self.write.date_type else literal

    def comparison(self, node: exp.Expr) -> tuple[exp.Expr, Family] | None:
        from sqlglot import exp

        equal = isinstance(node, (exp.EQ, exp.NEQ))
        if isinstance(node, (exp.EQ, exp.NEQ)) and isinstance(node.expression, exp.Any):
            self.need(isinstance(node, exp.EQ), "= ANY is read, others are not")
            items = node.expression.this.unnest()
            items = items.this.unnest() if isinstance(items, exp.Cast) else items
            self.need(isinstance(items, exp.Array), "ANY of what is no list")
            first, *rest = self.alike([node.this, *items.expressions], equal=True)
            return exp.In(this=first, expressions=rest), "boolean"
        if equal or isinstance(node, (exp.GT, exp.GTE, exp.LT, exp.LTE)):
            left, right = self.alike([node.this, node.expression], equal)
            return type(node)(this=left, expression=right), "boolean"
        if isinstance(node, exp.Between):
            value, low, high = self.alike([node.this, node.args["low"], node.args["high"]], equal=False)
            return exp.Between(this=value, low=low, high=high), "boolean"
        if isinstance(node, exp.In) and not node.args.get("query"):
            value, *items = self.alike([node.this, *node.expressions], equal=True)
            return exp.In(this=value, expressions=items), "boolean"
        if isinstance(node, exp.Like):
            self.need_of_both(lambda rules: rules.like_case_sensitive, "LIKE does not tell cases apart")
            value, pattern = self.alike([node.this, node.expression], equal=True)
            self.need("\\" not in pattern.sql(), "a backslash in a pattern")
            return exp.Like(this=value, expression=pattern), "boolean"
        return None

    def alike(self, nodes: Sequence[exp.Expr], equal: bool) -> list[exp.Expr]:
        """Values that are compared with one another, for being equal or else for their order."""
        from sqlglot import exp

        outside, self.folded = self.folded, False
        made = [self.sure(n) for n in nodes]
        kinds = {kind for _, kind in made if kind != "null"}
        if kinds == {"date", "text"}:
            literals = all(isinstance(e, exp.Literal) and _DATE.fullmatch(e.this) for e, kind in made if kind == "text")
            self.need(literals, "a date beside what is no date")
            made = [(self.date(e), "date") if kind == "text" else (e, kind) for e, kind in made]
            kinds = {"date"}
        self.need(len(kinds) <= 1 or kinds <= _NUMBERS, f"{' beside '.join(sorted(kinds))}")
        self.need(equal or kinds <= _NUMBERS | {"date"}, "the order of texts is not the same everywhere")
        self.need(not (self.folded and kinds == {"text"}), "texts that differ may count as equal at the source")
        ruled = any(e.find(exp.Column) and not e.find(exp.Case) for e, _ in made)
        literally = self.read.compares_literals_exactly and self.write.compares_literals_exactly
        self.need(ruled or kinds != {"text"} or literally, "texts that no column's collation rules")
        self.folded = outside
        return [self.grouped(e) for e, _ in made]

    def arithmetic(self, node: exp.Expr) -> tuple[exp.Expr, Family] | None:
        from sqlglot import exp

        if not isinstance(node, (exp.Add, exp.Sub, exp.Mul)):
            return None
        made = [self.sure(n) for n in (node.this, node.expression)]
        self.need(all(kind in _NUMBERS for _, kind in made), "arithmetic of what are no numbers")
        kind: Family = "decimal" if any(kind == "decimal" for _, kind in made) else "integer"
        if kind == "decimal":
            self.need_of_both(lambda rules: rules.exact_decimals, "arithmetic is not decimal")
        wide = self.read.wide_integers and not self.write.wide_integers and kind == "integer"
        left, right = (exp.cast(e, "bigint") if wide and isinstance(e, exp.Column) else self.grouped(e) for e, _ in made)
        return type(node)(this=left, expression=right), kind

    def function(self, node: exp.Expr) -> tuple[exp.Expr, Family]:
        from sqlglot import exp

        match node:
            case exp.Lower() | exp.Upper():
                self.need_of_both(lambda rules: rules.unicode_case, "lower and upper know ASCII only")
                return type(node)(this=self.of(node.this, {"text"})), "text"
            case exp.Length() if not node.args.get("binary"):
                return exp.Length(this=self.of(node.this, {"text"})), "integer"
            case exp.Abs():
                inner, kind = self.sure(node.this)
                self.need(kind in _NUMBERS, "abs of what is no number")
                return exp.Abs(this=inner), kind
            case exp.Coalesce():
                return self.choice([node.this, *node.expressions], lambda made: exp.Coalesce(this=made[0], expressions=made[1:]))
            case exp.DPipe() | exp.Concat():
                parts = node.expressions if isinstance(node, exp.Concat) else [node.this, node.expression]
                self.need(isinstance(node, exp.DPipe) or self.read.concat_keeps_null, "concat leaves out NULL")
                made = [self.grouped(self.of(p, {"text"})) for p in parts]
                joined = made[0]
                for part in made[1:]:
                    joined = exp.DPipe(this=joined, expression=part, safe=True)
                return joined, "text"
            case exp.Case() if node.this is None:
                return self.case(node)
        raise NotSure(f"{self.named_by_user(node)} may mean something else in {self.target.label}")

    def named_by_user(self, node: exp.Expr) -> str:
        """A function, an operator or a literal as the expression has it."""
        from sqlglot import exp

        if isinstance(node, exp.Func):
            for name in re.findall(r"(\w+)\s*\(", re.sub(r"'(?:[^']|'')*'", "''", self.text)):
                if name.lower() not in _SURE_FUNCTIONS:
                    return f"{name}()"
            return str(next((w for w in _SPECIAL.findall(self.text)), self.text))
        if words := _OPERATORS.get(node.key):
            return words
        return f"`{node.sql(dialect=self.read.sqlglot)}`"

    def case(self, node: exp.Case) -> tuple[exp.Expr, Family]:
        from sqlglot import exp

        conditions = [self.of(i.this, {"boolean"}) for i in node.args["ifs"]]
        default = node.args.get("default")
        results = [i.args["true"] for i in node.args["ifs"]] + ([default] if default is not None else [])

        def made(values: list[exp.Expr]) -> exp.Expr:
            ifs = [exp.If(this=c, true=v) for c, v in zip(conditions, values, strict=False)]
            return exp.Case(ifs=ifs, default=values[len(ifs)] if default is not None else None)

        return self.choice(results, made)

    def choice(self, nodes: Sequence[exp.Expr], make: object) -> tuple[exp.Expr, Family]:
        made = [self.sure(n) for n in nodes]
        kinds = {kind for _, kind in made if kind != "null"}
        self.need(len(kinds) == 1, "values of several types in one")
        return make([e for e, _ in made]), kinds.pop()  # type: ignore[operator]

    def of(self, node: exp.Expr, families: set[Family]) -> exp.Expr:
        made, kind = self.sure(node)
        self.need(kind in families or kind == "null", f"{kind} in the place of {' or '.join(sorted(families))}")
        return made

    def grouped(self, made: exp.Expr) -> exp.Expr:
        from sqlglot import exp

        return made if isinstance(made, (exp.Column, exp.Literal, exp.Func, exp.Null)) else exp.paren(made, copy=False)

    def need_of_both(self, rule: Callable[[ExpressionRules], bool], otherwise: str) -> None:
        """Raises NotSure when `rule` does not hold at the source or the target: `otherwise` follows the database's name."""
        for database, rules in ((self.source, self.read), (self.target, self.write)):
            self.need(rule(rules), f"{database.label}'s {otherwise}")

    def need(self, held: bool, otherwise: str) -> None:
        if not held:
            raise NotSure(otherwise)
