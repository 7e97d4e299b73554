"""Every database keeps the contract of `penstock.databases.base.Database`: its members, their types, and facts that agree."""

from __future__ import annotations

import ast
import inspect
import re
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import pytest
import sqlalchemy as sa

from penstock import databases
from penstock.databases import Database, ExpressionRules, Server, base, generic
from penstock.databases._shared.types import Types
from penstock.errors import MigrationError
from penstock.model.schema import NAMES, Column, TableName, Type
from penstock_airflow.provider import connection_types
from penstock_ui import portless

KINDS = frozenset({"index", "foreign key", "check"})
FEATURES = frozenset({"check", "comment", "partial index", "expression index", "stored", "virtual", "numbering", "deferrable", "match full"}) | {
    "restrict", "no action", "unlogged", "replica identity", "exclusion", "storage", "counter", "unique constraint",
}  # fmt: skip
INDEX_OPTIONS = frozenset({"where", "include", "nulls_not_distinct", "using", "prefix", "with"})


def named(name: str) -> Database:
    found = databases.named(name)
    assert found is not None
    return found


EVERY = {name: named(name) for name in databases.names()}


@pytest.fixture(params=[*EVERY, "generic"])
def database(request: pytest.FixtureRequest) -> Database:
    return EVERY.get(request.param, generic.DATABASE)


@pytest.fixture(params=EVERY)
def target(request: pytest.FixtureRequest) -> Database:
    return EVERY[request.param]


def public(names: typing.Iterable[str]) -> set[str]:
    return {n for n in names if not n.startswith("_")}


def facts() -> dict[str, Any]:
    """The facts of the base class with their types: class variables, and the abstract properties."""
    hints = typing.get_type_hints(Database)
    made = {name: typing.get_args(hint)[0] for name, hint in hints.items() if typing.get_origin(hint) is typing.ClassVar}
    properties = {name: member for name, member in vars(Database).items() if isinstance(member, property)}
    return made | {name: typing.get_type_hints(member.fget)["return"] for name, member in properties.items()}


def is_of(value: object, hint: Any) -> bool:
    """Whether a fact is of its declared type, as deep as facts go."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        return value in inner
    if origin is tuple:
        inner = inner[:1] * len(typing.cast(Any, value)) if inner[-1:] == (...,) else inner
        return isinstance(value, tuple) and len(value) == len(inner) and all(map(is_of, value, inner))
    if origin is frozenset:
        return isinstance(value, frozenset) and all(is_of(v, inner[0]) for v in value)
    if origin is Mapping:
        return isinstance(value, Mapping) and all(is_of(k, inner[0]) and is_of(v, inner[1]) for k, v in value.items())
    if inner:  # a union
        return any(is_of(value, choice) for choice in inner)
    if getattr(hint, "_is_protocol", False):
        return all(callable(getattr(value, n, None)) for n in public(vars(hint)))
    return type(value) is bool if hint is bool else isinstance(value, hint)


def test_the_folder_is_the_registry() -> None:
    folder = Path(databases.__file__).parent
    assert set(EVERY) == {p.name for p in folder.iterdir() if p.is_dir() and p.name not in ("_shared", "__pycache__")}


def test_every_member_of_the_contract_is_documented() -> None:
    [made] = [n for n in ast.parse(inspect.getsource(base)).body if isinstance(n, ast.ClassDef)]
    documented = {n.name for n in made.body if isinstance(n, ast.FunctionDef) and ast.get_docstring(n)}
    for fact, text in zip(made.body, made.body[1:], strict=False):
        if isinstance(fact, ast.AnnAssign) and isinstance(fact.target, ast.Name) and isinstance(text, ast.Expr):
            documented.add(fact.target.id)
    undocumented = public(vars(Database)) - documented
    assert undocumented == {"quote_character"}, "its name says it all"


def test_every_fact_is_of_its_type(database: Database) -> None:
    odd = {name: getattr(database, name) for name, hint in facts().items() if not is_of(getattr(database, name), hint)}
    assert odd == {}


def test_facts_are_compared_with_the_types_that_are_declared() -> None:
    """The test before would fail: a list is no frozenset, an int no bool, a text no snapshot."""
    declared = facts()
    assert not is_of(["check"], declared["table_features"]) and not is_of(1, declared["foreign_keys"])
    assert not is_of("runs", declared["snapshot"]) and not is_of({"PostgreSQL": [12]}, declared["oldest"])
    assert not is_of(object(), declared["exchange"]) and not is_of(None, declared["label"])
    assert declared.keys() >= {"label", "type_table", "max_identifier", "expression_rules", "driver_copies"}


def test_a_database_has_no_public_member_that_nobody_asks_for(database: Database) -> None:
    """A misspelled fact would leave the default in force."""
    assert public(vars(type(database))) <= public(dir(Database))


def test_every_method_takes_the_parameters_of_the_contract(database: Database) -> None:
    for name in public(vars(type(database))):
        promised = getattr(Database, name)
        if inspect.isfunction(promised):
            assert inspect.signature(getattr(type(database), name)) == inspect.signature(promised), name


def test_a_database_keeps_no_state(database: Database) -> None:
    assert vars(database) == {}


def test_names_and_drivers_are_not_shared() -> None:
    labels, drivers = {d.label for d in EVERY.values()}, {d.drivername for d in EVERY.values()}
    everything = [*EVERY, *(alias for d in EVERY.values() for alias in d.aliases)]
    assert len(labels) == len(drivers) == len(EVERY) and len(set(everything)) == len(everything)


def test_a_database_is_found_by_its_name_its_aliases_its_driver_and_its_example(target: Database) -> None:
    [name] = [n for n, d in EVERY.items() if d is target]
    for url in (f"{name}://x", *(f"{alias}://x" for alias in target.aliases), f"{target.drivername}://x", target.url_form):
        assert databases.of(sa.make_url(url), target=True) is target
    assert sa.URL.create(target.drivername).get_dialect().name in (name, *target.aliases)
    assert bool(sa.make_url(target.url_form).host) is not target.embedded


def test_what_nobody_has_written_a_package_for_is_a_source_only() -> None:
    assert databases.named("oracle") is None and databases.of(sa.make_url("oracle://x")) is generic.DATABASE
    with pytest.raises(MigrationError, match="can't be a target"):
        databases.of(sa.make_url("oracle://x"), target=True)


def test_airflow_connection_types_are_databases_and_their_forms_fit(subtests: pytest.Subtests) -> None:
    for declared in connection_types():
        with subtests.test(declared["connection-type"]):
            found = named(declared["connection-type"])
            assert ("port" in declared["ui-field-behaviour"]["hidden-fields"]) is found.embedded
    assert {d["connection-type"] for d in connection_types()} == portless.TYPES


def test_facts_agree_with_one_another(target: Database) -> None:
    assert target.own_names <= KINDS and target.shared_names <= KINDS and not target.own_names & target.shared_names
    assert target.table_features <= FEATURES and target.index_keywords.keys() <= INDEX_OPTIONS
    assert ("partial index" in target.table_features) is ("where" in target.index_keywords)
    assert target.types_with_invalid_values <= set(NAMES)
    assert target.max_identifier >= 30 and len(target.quote_character) == 1
    assert min(target.driver_copies) >= 0 and target.vector_rows >= 1
    assert target.oldest and all(target.oldest.values())
    assert target.foreign_keys or not target.exchange
    for pattern in (target.refused_names, target.kept_types, *target.kept_types_since):
        re.compile(pattern)
    products = {Server.of(f"{product} 1").product for product in target.oldest}
    for since in (*target.since.values(), *target.kept_types_since.values()):
        assert since and since.keys() <= products and all(since.values())
    if target.session_lock:
        assert all(":name" in statement for statement in target.session_lock) and ":seconds" in target.session_lock[0]
    assert bool(target.more_memory) is (target.limit_memory(1) != [])


def test_expressions_are_read_by_rules_of_a_dialect_that_sqlglot_knows(target: Database) -> None:
    from sqlglot.dialects import Dialect

    rules = target.expression_rules
    assert isinstance(rules, ExpressionRules) and target.dialect
    assert Dialect.get(rules.sqlglot) is not None
    assert re.compile(rules.exact_collations)


def test_types_go_through_the_table_of_types(target: Database) -> None:
    assert isinstance(target.type_table, Types) and target.type_table.label == target.label
    for name in ("int64", "string", "timestamp", "binary"):
        assert target.canonical(target.native(Type(name)).partition(" CHARACTER")[0]) == Type(name)
        assert target.maps_exactly(Type(name))


def test_shadows_and_kept_tables_have_names_of_their_own_that_fit(target: Database) -> None:
    long = "ü" * (target.max_identifier // 2 - 1)
    tables = [TableName(name, "s") for name in ("t", "u", long, long + "x")]
    migration = "m" * 40
    places = [target.shadow(t, migration) for t in tables] + [target.shadow(t, migration, token) for t in tables for token in ("1", "2")]
    places += [target.kept(t, migration, token) for t in tables for token in ("1", "2")]
    own = [TableName(target.folded(p.name), target.folded(p.schema or "")) for p in places]
    assert len(set(own)) == len(places) and not {p.name for p in places if p.schema == "s"} & {t.name for t in tables}
    assert all(len(part.encode()) <= target.max_identifier for p in places for part in (p.name, p.schema or ""))
    assert target.shadow(tables[2], migration, "1") == target.shadow(tables[2], migration, "1")


def test_a_switch_is_one_statement_where_ddl_commits_by_itself(target: Database) -> None:
    moves = [(TableName("t"), TableName("t_old")), (TableName("t_new"), TableName("t"))]
    assert target.ddl_in_transaction or len(target.moves(moves)) == 1


def test_nothing_to_do_is_no_statement(target: Database) -> None:
    assert target.drops([]) == [] and target.schemas([]) == []
    column = Column("v", Type("boolean"))
    assert target.byte_length(column) == "", "a boolean is short"
