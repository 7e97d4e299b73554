"""Problems on a screen: decisions first, many warnings of one kind as one line with their number."""

from __future__ import annotations

from penstock.cli import problem_groups
from penstock.errors import Kind, Problem
from penstock.model.schema_difference import SchemaDifference

WHY = "DuckDB can't switch a table that has one"


def difference(n: int, object: str, property: str, reason: str) -> Problem:
    """A difference of the schema as `penstock check` warns of it."""
    found = SchemaDifference(f"t{n}", object, f"{object[0]}{n}", property, "yes", "", "lost", reason)
    return Problem(False, f"table t{n}", str(found), kind=found.kind())


def keys(count: int) -> list[Problem]:
    return [difference(n, "foreign key", "", WHY) for n in range(count)]


def test_many_warnings_of_a_kind_are_one_line_with_their_number_and_tables() -> None:
    found = [*keys(12), Problem(False, "table t1", "not carried: trigger told"), Problem(True, "table t2, column c", "refused", "`cast`")]
    first, many, alone = problem_groups.lines(found)
    assert first.blocking and (first.where, first.fix) == ("table t2, column c", "`cast`")
    assert many.what == f"12 foreign keys not carried: {WHY}"
    assert (many.where, many.fix) == ("12 tables", "list: --verbose")
    assert alone.what == "not carried: trigger told"


def test_few_warnings_are_shown_one_by_one_in_their_order_and_all_with_verbose() -> None:
    assert [line.where for line in problem_groups.lines(keys(12))] == [f"table t{n}" for n in range(12)]
    assert len(list(problem_groups.lines(keys(1000), verbose=True))) == 1000


def test_a_kind_with_many_reasons_is_told_without_them() -> None:
    found = [difference(n, "index", "", f"the step `cast` changes a{n}") for n in range(20)]
    assert [line.what for line in problem_groups.lines(found)] == ["20 indexes not carried"]


def test_a_database_of_500_tables_fits_on_a_screen() -> None:
    kinds = [
        ("index", "", WHY),
        ("unique index", "include", "SQLite has none that is the same"),
        ("foreign key", "", "the step `cast` changes a{n}.b, and not c.d{n}"),
        ("foreign key", "on delete", "the target refuses it"),
        ("check constraint", "", "y{n} may mean something else in DuckDB"),
        ("column", "default", "abs() may mean something else in DuckDB"),
        ("column", "nullable", "the step `cast` changes the column"),
        ("column", "identity", "DuckDB does not number new rows"),
        ("table", "comment", "SQLite keeps none"),
        ("trigger", "", ""),
    ]
    warnings = [difference(n, *fields, why.format(n=n)) for n in range(500) for *fields, why in kinds]
    kind = Kind("columns of a type without a counterpart")
    blocking = [Problem(True, f"table t{n}, column c", f"the type odd{n} has no counterpart", "add", "type", kind=kind) for n in range(500)]
    lines = list(problem_groups.lines([*warnings, *blocking]))
    assert len(lines) == len(kinds) + 6 and all(line.blocking for line in lines[:6])
    assert lines[5].what == "495 more: columns of a type without a counterpart"
    assert [line.what for line in lines[6:]][3:8] == [
        "500 on delete of foreign keys not carried: the target refuses it",
        "500 check constraints not carried",
        "500 defaults of columns not carried: abs() may mean something else in DuckDB",
        "500 NOT NULL of columns not carried: the step `cast` changes the column",
        "500 numbering of columns not carried: DuckDB does not number new rows",
    ]
