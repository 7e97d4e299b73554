"""Two tables are compared fact by fact: each change is named by object, name and property."""

from __future__ import annotations

from dataclasses import fields, replace

from penstock.model.schema import Check, Column, ForeignKey, Index, Part, Partition, Partitioning, Table, TableName, Type
from penstock.model.schema_difference import Result, SchemaDifference, counts
from penstock.model.schema_facts import Change, View, changes, facts, named_alike

TABLE = Table(
    TableName("orders"),
    (Column("id", Type("int64"), nullable=False, native="bigint"), Column("code", Type("string", 6), native="char(6)", default="=x")),
    ("id",),
    (Index("by_code", ("code",)), Index("by_half", (), parts=(Part(expression="lower(code)"),), where="id > 1")),
    (ForeignKey("to_code", ("code",), "codes", ("code",), "CASCADE"),),
    checks=(Check("long", "length(code) > 2"),),
    comment="of a shop",
    partitioning=Partitioning("RANGE (id)", ("id",), (Partition("p1", "FROM (1) TO (9)"),)),
)


def found(after: Table) -> list[Change]:
    return list(changes(facts(TABLE, View()), facts(after, View())))


def test_a_table_is_like_itself() -> None:
    assert found(TABLE) == []


def test_each_property_is_named() -> None:
    code = TABLE.column("code")
    cases: list[tuple[Table, Change]] = [
        (replace(TABLE, comment=""), Change("table", "", "comment", "of a shop", "")),
        (replace(TABLE, primary_key=("id", "code")), Change("primary key", "", "columns", "id", "id, code")),
        (
            replace(TABLE, checks=()),
            Change("check constraint", "long", "", "expression length(code) > 2, valid yes, enforced yes, inherited yes", ""),
        ),
        (
            replace(TABLE, indexes=(TABLE.indexes[0],)),
            Change("index", "by_half", "", "columns lower(code), where id > 1, overlaps yes, visible yes", ""),
        ),
        (
            replace(TABLE, foreign_keys=(replace(TABLE.foreign_keys[0], on_delete="SET NULL"),)),
            Change("foreign key", "to_code", "on delete", "CASCADE", "SET NULL"),
        ),
        (replace(TABLE, partitioning=None), Change("partitions", "", "", "by RANGE (id), partitions p1 FROM (1) TO (9)", "")),
    ]
    for column, property, before, after in (
        (replace(code, native="char(7)"), "type", "char(6)", "char(7)"),
        (replace(code, nullable=False), "nullable", "NULL", "NOT NULL"),
        (replace(code, default=None), "default", "'x'", ""),
        (replace(code, collation="C"), "collation", "", "C"),
        (replace(code, identity=True, nullable=True), "identity", "", "yes"),
    ):
        cases.append((replace(TABLE, columns=(TABLE.columns[0], column)), Change("column", "code", property, before, after)))
    for table, change in cases:
        assert change in found(table), change


def test_every_field_of_the_model_is_a_fact() -> None:
    """A field that is added to the model is compared without a word here."""
    for value, known in ((TABLE.foreign_keys[0], {"name", "unnamed"}), (TABLE.indexes[0], {"name", "parts", "columns", "where"})):
        for field in (f for f in fields(value) if f.name not in known):
            changed = replace(value, **{field.name: (("id",) if isinstance(getattr(value, field.name), tuple) else "other")})
            kind = "foreign_keys" if isinstance(value, ForeignKey) else "indexes"
            rest = () if kind == "foreign_keys" else TABLE.indexes[1:]
            assert found(replace(TABLE, **{kind: (changed, *rest)})), field.name


def test_objects_of_another_name_are_found_by_what_they_are() -> None:
    renamed = replace(TABLE, indexes=(replace(TABLE.indexes[0], name="other"), TABLE.indexes[1]), checks=(Check("", "length(code) > 2"),))
    assert [i.name for i in named_alike(TABLE, renamed).indexes] == ["by_code", "by_half"]
    assert found(named_alike(TABLE, renamed)) == []


def test_an_object_counts_once_by_the_worst_of_its_differences() -> None:
    def differs(name: str, property: str, result: Result) -> SchemaDifference:
        return SchemaDifference("orders", "column", name, property, "", "", result, "")

    objects = [("orders", kind, name) for kind, name in facts(TABLE, View())]
    made = counts(objects, [differs("id", "type", "adapted"), differs("id", "default", "lost"), differs("code", "name", "declared")])
    assert [(c.carried, c.declared, c.adapted, c.lost) for c in made if c.object == "column"] == [(0, 1, 0, 1)]
    assert [(c.carried, c.lost) for c in made if c.object == "index"] == [(2, 0)]
