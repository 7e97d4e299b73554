"""Expressions from one database's words into another's: what is let through means the same there, by both databases' own word."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from penstock import databases
from penstock.databases import Database
from penstock.planning.expressions import Family, Known, NotSure, translate
from tests.support.data.plain_values import Make, Plain, make
from tests.support.data.type_cases import DATABASES

__all__ = ["make"]  # a fixture


def of(name: str) -> Database:
    found = databases.named(name)
    assert found is not None
    return found


KNOWN: dict[str, Known] = {
    "n": Known("n", "integer"),
    "m": Known("New m", "integer"),
    "p": Known("p", "decimal"),
    "t": Known("t", "text"),
    "ci": Known("ci", "text", exact=False),
    "b": Known("b", "boolean"),
    "d": Known("d", "date"),
    "j": Known("j", "other"),
}


@pytest.mark.parametrize(
    ("source", "text", "target", "expected"),
    [
        ("postgresql", "(t = ANY (ARRAY['a'::text, 'it''s \\ %'::text]))", "mysql", "`t` IN ('a', 'it''s \\\\ %')"),
        ("postgresql", "((t)::text <> ''::text)", "sqlite", "\"t\" <> ''"),
        ("postgresql", "(t = 'x'::public.mood)", "duckdb", "\"t\" = 'x'"),
        ("postgresql", "((p * (n)::numeric) >= (0)::numeric)", "mysql", "(`p` * CAST(`n` AS DECIMAL(20, 0))) >= 0"),
        ("postgresql", "((d >= '2020-01-01'::date) AND b)", "sqlite", '("d" >= \'2020-01-01\') AND ("b")'),
        ("postgresql", "(lower(t) || COALESCE(t, 'x'::text))", "mysql", "CONCAT(LOWER(`t`), COALESCE(`t`, 'x'))"),
        ("postgresql", "CASE WHEN (n > 0) THEN 'y'::text ELSE NULL::text END", "duckdb", None),
        ("mysql", "`n` * 2 + char_length(`t`)", "postgresql", '(CAST("n" AS BIGINT) * 2) + LENGTH("t")'),
        ("mysql", "`t` = 'it\\'s' or `j` is not null", "sqlite", "(\"t\" = 'it''s') OR (NOT (\"j\" IS NULL))"),
        ("mysql", "concat(`t`,'a','b')", "duckdb", "\"t\" || 'a' || 'b'"),
        ("sqlite", "T IN ('a') AND m BETWEEN 1 AND -2", "postgresql", '("t" IN (\'a\')) AND ("New m" BETWEEN 1 AND (-(2)))'),
        ("duckdb", "(abs(n) != 3)", "mysql", "ABS(`n`) <> 3"),
    ],
)
def test_what_is_sure_is_written_as_the_target_writes_it(source: str, text: str, target: str, expected: str | None) -> None:
    if expected is None:
        with pytest.raises(NotSure):
            translate(text, of(source), of(target), KNOWN)
    else:
        assert translate(text, of(source), of(target), KNOWN) == expected


@pytest.mark.parametrize(
    ("source", "text", "why"),
    [
        ("postgresql", "(n / 2) = 1", "div"),
        ("postgresql", "(n % 2) = 1", "remainder"),
        ("postgresql", "t > 'a'", "order of texts"),
        ("postgresql", "t ~ '^a'", "may mean"),
        ("postgresql", "public.f(n) > 0", "may mean"),
        ("postgresql", "t = 'a' COLLATE \"C\"", "may mean"),
        ("postgresql", "j = 'a'", "not compared alike"),
        ("postgresql", "x > 1", "does not arrive"),
        ("postgresql", "n > (SELECT 1)", "may mean"),
        ("postgresql", "n", None),
        ("postgresql", "n = '1'", "beside"),
        ("postgresql", "t = '1 day'::interval", "cast"),
        ("postgresql", "concat(t, 'a') = ''", "NULL"),
        ("postgresql", "n > 1e3", "exponent"),
        ("mysql", "`ci` <> 'x'", "count as equal"),
        ("mysql", "length(`t`) > 1", "may mean"),
        ("mysql", "`b` = 1", "beside"),
        ("mysql", "json_valid(`j`)", "may mean"),
        ("sqlite", "upper(t) = 'A'", "ASCII"),
        ("sqlite", "t LIKE 'a%'", "cases"),
        ("sqlite", "p * 2 > 1", "decimal"),
        ("sqlite", "t = \"no column\"", "does not arrive"),
        ("sqlite", "n; DROP TABLE t", "may mean"),
        ("sqlite", "n > ", "plain expression"),
    ],
)  # fmt: skip
def test_what_is_not_sure_is_refused_with_the_reason(source: str, text: str, why: str | None) -> None:
    if why is None:
        assert translate(text, of(source), of("mysql"), KNOWN) == "`n`"
        return
    with pytest.raises(NotSure, match=why):
        translate(text, of(source), of("duckdb"), KNOWN)


# ---- both databases answer the same

ROWS = [
    (n, m, t, d)
    for n, m in ((0, 1), (-7, 3), (2_000_000, -1), (None, 5), (4, None))
    for t, d in (("a", "2020-01-01"), ("A", "1999-12-31"), ("a ", None), ("é", "2020-01-02"), ("", "2020-01-01"), (None, "2020-01-01"))
]


def expressions(family: Family, depth: int = 2) -> st.SearchStrategy[str]:
    """Expressions of a family, in words that all four databases read, over the columns n, m, t and d."""
    leaves = {
        "integer": st.sampled_from(["n", "m", "0", "3", "-7", "100"]),
        "text": st.sampled_from(["t", "'a'", "'A'", "'a '", "''", "'it''s %'"]),
        "boolean": st.sampled_from(["n > 0", "t = 'a'", "d >= '2020-01-01'", "m IS NULL"]),
    }[family]
    if depth == 0:
        return leaves
    number, text, truth = (expressions(f, depth - 1) for f in ("integer", "text", "boolean"))
    case = st.tuples(truth, expressions(family, depth - 1), leaves).map(lambda p: "CASE WHEN {} THEN {} ELSE {} END".format(*p))
    if family == "integer":
        return (
            leaves
            | st.tuples(number, st.sampled_from("+-*"), number).map(lambda p: "({} {} {})".format(*p))
            | case
            | text.map("length({})".format)
            | number.map("abs({})".format)
        )
    if family == "text":
        return leaves | st.tuples(text, text).map(lambda p: "coalesce({}, {})".format(*p)) | case
    compared = st.tuples(number, st.sampled_from(["=", "<>", "<", "<=", ">", ">="]), number) | st.tuples(
        text, st.sampled_from(["=", "<>"]), text
    )
    made = compared.map(lambda p: "({} {} {})".format(*p))
    made |= st.tuples(truth, st.sampled_from(["AND", "OR"]), truth).map(lambda p: "({} {} {})".format(*p)) | truth.map("NOT ({})".format)
    made |= st.tuples(number, number, number).map(lambda p: "({} BETWEEN {} AND {})".format(*p))
    return leaves | made | st.tuples(text, text, text).map(lambda p: "({} IN ({}, {}))".format(*p)) | text.map("({} IS NULL)".format)


@pytest.fixture(scope="module")
def tables(make: Make) -> dict[str, sa.URL]:
    urls = {database: make(database, f"expressions_{database}") for database in DATABASES}
    for url in urls.values():
        with Plain(url) as plain:
            exactly = " CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin" if plain.name == "mysql" else ""
            plain.run(f"CREATE TABLE t (id INTEGER PRIMARY KEY, n BIGINT, m BIGINT, t VARCHAR(20){exactly}, d DATE)")
            for number, row in enumerate(ROWS):
                plain.run(f"INSERT INTO t VALUES ({number}, {', '.join('NULL' if v is None else repr(v) for v in row)})")
    return urls


def test_both_databases_answer_the_same_for_every_row(tables: dict[str, sa.URL]) -> None:
    known = {n: Known(n, f) for n, f in (("n", "integer"), ("m", "integer"), ("t", "text"), ("d", "date"))}  # type: ignore[arg-type]
    sessions = {database: Plain(url) for database, url in tables.items()}

    def answers(database: str, text: str) -> list[Any]:
        return [str(int(v) if isinstance(v, bool) else v) for (v,) in sessions[database].run(f"SELECT {text} FROM t ORDER BY id")]

    @settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck), database=None, phases=[Phase.generate])
    @given(st.one_of(*(expressions(f) for f in ("integer", "text", "boolean"))), st.sampled_from(DATABASES))  # type: ignore[arg-type]
    def alike(text: str, source: str) -> None:
        written = text.replace("length(", "char_length(") if source == "mysql" else text
        try:
            expected = answers(source, written)
            translations = {target: translate(written, of(source), of(target), known) for target in DATABASES}
        except NotSure:
            return
        compared.append(written)
        for target, translated in translations.items():
            assert answers(target, translated) == expected, f"{source}: {written}; {target}: {translated}"

    compared: list[str] = []
    alike()
    assert len(compared) > 30
    for session in sessions.values():
        session.__exit__()
