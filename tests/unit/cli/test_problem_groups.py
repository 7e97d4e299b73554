"""Problems on a screen: decisions first, many warnings of one kind as one line with their number."""

from __future__ import annotations

from penstock.cli import problem_groups
from penstock.errors import Problem


def keys(count: int) -> list[Problem]:
    why = "DuckDB can't switch a table that has one"
    return [Problem(False, f"table t{n}", f"foreign key fk{n} is not created: {why}") for n in range(count)]


def test_many_warnings_of_a_kind_are_one_line_with_their_number_and_tables() -> None:
    found = [*keys(12), Problem(False, "table t1", "not carried: trigger told"), Problem(True, "table t2, column c", "refused", "`cast`")]
    first, many, alone = problem_groups.lines(found)
    assert first.blocking and (first.where, first.fix) == ("table t2, column c", "`cast`")
    assert many.what == "12 foreign keys not created: DuckDB can't switch a table that has one"
    assert (many.where, many.fix) == ("12 tables", "list: --verbose")
    assert alone.what == "not carried: trigger told"


def test_few_warnings_are_shown_one_by_one_in_their_order_and_all_with_verbose() -> None:
    assert [line.where for line in problem_groups.lines(keys(12))] == [f"table t{n}" for n in range(12)]
    assert len(list(problem_groups.lines(keys(1000), verbose=True))) == 1000


def test_a_database_of_500_tables_fits_on_a_screen() -> None:
    kinds = [
        "index i{n} is not created: DuckDB can't switch a table that has one",
        "foreign key f{n} to other{n} is not carried: the step `cast` changes a{n}.b, and not c.d{n}",
        "default abs({n}) of c{n} is not carried: abs() may mean something else in DuckDB",
        "check constraint c{n}, x > {n}, is not carried: y{n} may mean something else in DuckDB",
        "c{n} is NOT NULL and has no default here: an INSERT that leaves it out will fail",
        "c{n} is carried as TEXT: SQLite has no interval",
        "id{n} keeps its numbers; DuckDB does not number new rows by itself",
        "the comment on the table, c{n} is not carried: SQLite keeps none",
        "not carried: trigger t{n}",
        "unique index u{n} (lower(c{n})) is not carried: lower() may mean something else in DuckDB",
    ]
    warnings = [Problem(False, f"table t{n}", kind.format(n=n)) for n in range(500) for kind in kinds]
    blocking = [Problem(True, f"table t{n}, column c", f"the source type odd{n} has no counterpart", "add", "type") for n in range(500)]
    lines = list(problem_groups.lines([*warnings, *blocking]))
    assert len(lines) == len(kinds) + 6 and all(line.blocking for line in lines[:6])
    assert lines[5].what == "495 more: columns of a type without a counterpart"
    assert all(line.what.startswith("500 ") for line in lines[6:])
