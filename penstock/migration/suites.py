"""Suites: what a gate asks of a table at a stage. Files read strictly, as data; Great Expectations is not needed for it.

A suite stands in `<folder>/<table>.<stage>.json` (or .yaml): a name, and expectations in Great Expectations' own form.
A table without one gets a generated suite; every suite is given the row count and the column list, because an empty or
misshapen table would pass most expectations.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, get_args

import yaml

from penstock.errors import MigrationError, Problem
from penstock.migration.spec import Migration
from penstock.model.file_names import folder as file_name
from penstock.model.schema import INTEGERS, Column, Table
from penstock.runtime.formatting import flow
from penstock.runtime.nearest import nearest

Stage = Literal["extracted", "transformed", "loaded"]
Severity = Literal["critical", "warning", "info"]
Expectation = dict[str, Any]

STAGES: tuple[str, ...] = get_args(Stage)
SEVERITIES: tuple[str, ...] = get_args(Severity)
PARAMETER = "rows"
"""The one parameter a suite can name: how many rows the stage before says there are."""

_SUITE_KEYS = frozenset({"name", "expectations", "meta", "notes"})
_KEYS = frozenset({"id", "type", "kwargs", "severity", "meta", "notes", "description"})
# Set by the gate itself: a suite that asked for samples would put values into a report.
_RESERVED = frozenset({"batch_id", "catch_exceptions", "rendered_content", "result_format", *(_KEYS - {"type", "kwargs"})})
_COLUMN_KWARGS = ("column", "column_A", "column_B", "column_list", "column_set", "columns")
# Great Expectations writes some conditions as text in which a quote in a column's name can't be told from its end.
_QUOTE, _SPEAKS_QUOTES = '"', re.compile("compound|be_null|unique_value_count|^expect_table|^expect_foreign")
_NO_EXPECTATIONS = frozenset({"__init__.py", "conftest.py", "setup.py"})
_CLASS = re.compile(r"^class (Expect\w+|UnexpectedRows\w+)\(", re.MULTILINE)


@dataclass(frozen=True)
class Suite:
    """The expectations on one table at one stage.

    sha256: of the file's bytes; None for a generated suite.  source: the file's path, or `generated`.
    """

    name: str
    table: str
    stage: str
    expectations: tuple[Expectation, ...]
    sha256: str | None
    source: str

    def place(self, number: int) -> str:
        """Where an expectation stands, for people: `flights.extracted.json: expectation 3 (expect_...)`."""
        return f"{self.source}: expectation {number + 1} ({self.expectations[number].get('type')})"


def project_folder(migration: Migration, project: Path | None = None) -> Path:
    """The folder that `checks` of a migration is relative to: `project`, else the first folder above the file in which it exists.

    The same file finds the same suites in Airflow and on the command line, wherever that is run. Raises MigrationError when the
    file names a folder that does not exist: a run without its suites would pass its gates.
    """
    folders = [project.absolute()] if project else list(migration.path.absolute().parents)
    found = next((folder for folder in folders if (folder / migration.checks).is_dir()), None)
    if found is None and "checks" in migration.model_fields_set:
        fix = "correct `checks`, or leave it out; on the command line, name the folder that it is relative to with --project"
        raise MigrationError(f"there is no folder {migration.checks}", where=f"{migration.path}: checks", fix=fix)
    return found or folders[0]


def suites_folder(migration: Migration, project: Path | None = None) -> Path:
    """Where the suites of a migration are. It may not exist when the file does not name it. Raises MigrationError."""
    return project_folder(migration, project) / migration.checks


def find(folder: Path, table: str, stage: str, bare: str = "") -> Suite | None:
    """The suite in `folder` for this table and stage, None when there is no file. Raises MigrationError.

    bare: the table's name without its schema, by which the file may be called too.
    """
    names, endings = dict.fromkeys((table, bare or table)), (".json", ".yaml", ".yml")
    files = [p for name in names for ending in endings if (p := folder / f"{file_name(name)}.{stage}{ending}").is_file()]
    if not files:
        return None
    if len(files) > 1:
        raise MigrationError(f"{len(files)} suites for {table}.{stage}", where=", ".join(map(str, files)), fix="keep one of them")
    return read(files[0], table, stage)


def read(path: Path, table: str, stage: str) -> Suite:
    """The suite in a file. Raises MigrationError naming the file and the position of anything that is not understood."""
    content = path.read_bytes()
    try:
        raw = json.loads(content, object_pairs_hook=_unique) if path.suffix == ".json" else yaml.load(content, _StrictLoader)
    except (ValueError, yaml.YAMLError) as error:
        raise MigrationError("a suite can't be read", where=str(path), why=str(error), fix="correct the file") from None
    if not isinstance(raw, dict):
        raise _mistake(str(path), "a suite is a mapping with `expectations`")
    _known(raw, _SUITE_KEYS, str(path))
    expectations = raw.get("expectations")
    if not isinstance(expectations, list) or not expectations:
        raise _mistake(str(path), "a suite without expectations would pass anything", "list some, or delete it: a suite is generated then")
    name, sha256 = str(raw.get("name") or f"{table}.{stage}"), hashlib.sha256(content).hexdigest()
    suite = Suite(name, table, stage, tuple(expectations), sha256, str(path))
    codes: dict[str, int] = {}
    for number, expectation in enumerate(expectations):
        if not isinstance(expectation, dict):
            raise _mistake(f"{path}: expectation {number + 1}", "an expectation is a mapping with `type` and `kwargs`")
        _understood(expectation, suite.place(number))
        if (code := code_of(expectation, number)) in codes:
            what = f"its code {code!r} is expectation {codes[code] + 1}'s already"
            raise _mistake(suite.place(number), what, "codes name results: make them differ")
        codes[code] = number
    return suite


def of(folder: Path, name: str, stage: str, shape: Table, held: bool = False, bare: str = "") -> Suite:
    """What the gate asks of the table `name` at `stage`, where it has this `shape`: its file's suite or a generated one.

    bare: as `find` has it.
    held: the database that the rows were read from keeps the primary key unique itself.
    Raises MigrationError when its file can't be understood.
    """
    found = find(folder, name, stage, bare)
    return complete(found, shape.columns) if found else generated(shape.renamed(replace(shape.name, name=name)), stage, held)


def complete(suite: Suite, columns: Iterable[Column]) -> Suite:
    """`suite` with what every gate asks: the number of rows, and the columns in their order."""
    return replace(suite, expectations=(*suite.expectations, *_always(columns)))


def generated(table: Table, stage: str, held: bool = False) -> Suite:
    """The suite of a table that has no file: rows, columns, and a key that is there and unique.

    What a database holds by itself is not asked again: of loaded rows the primary key, which is built before this gate; of extracted
    ones a primary key of whole numbers that is the source's own (`held`), for only of these is equal there what is equal here.
    """
    name = table.name.name
    key = table.key
    asked = [_make("expect_column_values_to_not_be_null", f"penstock.key.{i}", column=c) for i, c in enumerate(key)]
    whole = all(table.column(c).type.name in INTEGERS for c in key)
    if table.primary_key and (stage == "loaded" or (stage == "extracted" and held and whole)):
        pass
    elif len(key) == 1 and _QUOTE in key[0]:
        every = {"min_value": {"$PARAMETER": PARAMETER}, "max_value": {"$PARAMETER": PARAMETER}}
        asked.append(_make("expect_column_unique_value_count_to_be_between", "penstock.key", column=key[0], **every))
    elif len(key) == 1:
        asked.append(_make("expect_column_values_to_be_unique", "penstock.key", column=key[0]))
    elif key:
        asked.append(_make("expect_compound_columns_to_be_unique", "penstock.key", column_list=list(key), ignore_row_if="never"))
    return complete(Suite(f"{name}.{stage}", name, stage, tuple(asked), None, "generated"), table.columns)


def check(suite: Suite, columns: Iterable[Column], tables: Iterable[str] | None = None) -> list[Problem]:
    """What is wrong with a suite, found without running it: unknown types, columns and tables that are not there.

    columns: those of the table at the suite's stage.  tables: all of the migration's, when `ref_table` is to be checked.
    """
    names = [c.name for c in columns]
    known = types(Path(suite.source).parent if suite.sha256 else None)
    problems = [p for n in range(len(suite.expectations)) for p in _wrong(suite, n, names, known, tables)]
    twins = [n for n in names if sum(n.lower() == other.lower() for other in names) > 1]
    if twins and suite.stage != "loaded":
        what = f"the columns {', '.join(map(repr, twins))} differ in case only, and the staged files are checked where case does not matter"
        fix = f"leave the table out: tables: {{exclude: [{flow(suite.table)}]}}; or rename one of the columns at the source"
        problems.append(Problem(True, suite.source if suite.sha256 else f"table {suite.table}", what, fix))
    return problems


def strays(folder: Path, tables: Iterable[str], bare: Callable[[str], str] = str) -> list[Problem]:
    """Files in `folder` that look like suites and would never run, or of the wrong table: a misspelt stage, a table that isn't there, a
    name that several schemas have.

    bare: the name of a table without its schema.
    """
    named: dict[str, list[str]] = {}
    for name in tables:
        for called in dict.fromkeys((name, bare(name))):
            named.setdefault(file_name(called), []).append(name)
    problems = []
    for path in sorted(p for p in folder.glob("*.*") if p.suffix in (".json", ".yaml", ".yml")):
        table, _, stage = path.stem.rpartition(".")
        if stage not in STAGES:
            fix = f"name it <table>.<stage>{path.suffix}; {nearest(stage, STAGES)}"
            problems.append(Problem(True, str(path), f"{stage!r} is not a stage: this suite would never run", fix))
        elif table not in named:
            what = f"no table {table!r} in this migration: this suite never runs"
            problems.append(Problem(False, str(path), what, nearest(table, named)))
        elif len(several := named[table]) > 1:
            what = f"several schemas have a table {table}: {', '.join(name.partition('.')[0] for name in several)}"
            fix = f"name it {' or '.join(f'{name}.{stage}{path.suffix}' for name in several)}"
            problems.append(Problem(True, str(path), what, fix))
    return problems


def code_of(expectation: Mapping[str, Any], number: int) -> str:
    """What an expectation's results are called: its `meta.code`, else its place in the suite."""
    return str((expectation.get("meta") or {}).get("code") or f"{number + 1}")


def columns_of(expectation: Mapping[str, Any]) -> tuple[str, ...]:
    """The columns an expectation is about, row conditions included."""
    kwargs = expectation.get("kwargs") or {}
    named = [c for k in _COLUMN_KWARGS if (v := kwargs.get(k)) for c in ([v] if isinstance(v, str) else v)]
    return tuple(dict.fromkeys([*named, *_conditioned(kwargs.get("row_condition"))]))


def types(folder: Path | None) -> frozenset[str]:
    """The expectation types there are: Great Expectations' own, and those in modules beside and above the suites."""
    custom = [p for place in modules(folder) for p in _CLASS.findall(place.read_text())] if folder else []
    return _core() | {_snake(name) for name in custom}


def modules(folder: Path) -> list[Path]:
    """The custom expectations that suites in `folder` can use: ours, then those in its parent, where that is a package, then in it."""
    spec, parent, here = find_spec("penstock_expectations"), folder.absolute().parent, folder.absolute()
    ours = [Path(p) for p in (spec.submodule_search_locations or ())] if spec else []
    places = [*ours, parent, here] if (parent / "__init__.py").exists() else [*ours, here]
    return [p for place in places for p in sorted(place.glob("*.py")) if p.name not in _NO_EXPECTATIONS]


@cache
def _core() -> frozenset[str]:
    spec = find_spec("great_expectations")  # finds the package without importing it, which takes seconds
    places = [Path(p) / "expectations" / "core" for p in (spec.submodule_search_locations or ())] if spec else []
    return frozenset(p.stem for place in places for p in place.glob("*expect*.py") if p.stem != "__init__")


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _always(columns: Iterable[Column]) -> list[Expectation]:
    return [
        _make("expect_table_row_count_to_equal", "penstock.rows", value={"$PARAMETER": PARAMETER}),
        _make("expect_table_columns_to_match_ordered_list", "penstock.columns", column_list=[c.name for c in columns]),
    ]


def _make(type: str, code: str, **kwargs: Any) -> Expectation:
    return {"type": type, "kwargs": kwargs, "severity": "critical", "meta": {"code": code}}


def _wrong(suite: Suite, number: int, names: Sequence[str], known: frozenset[str], tables: Iterable[str] | None) -> Iterator[Problem]:
    expectation, where = suite.expectations[number], suite.place(number)
    kind = str(expectation["type"])
    if kind not in known:
        yield Problem(True, where, "there is no such expectation", nearest(kind, known))
    for column in columns_of(expectation):
        if column not in names:
            yield Problem(True, where, f"{suite.table} has no column {column!r} at the stage {suite.stage}", nearest(column, names))
    if not _SPEAKS_QUOTES.search(kind) and (quoted := [c for c in columns_of(expectation) if _QUOTE in c]):
        fix = "rename the column; that a key is unique can be asked as expect_column_unique_value_count_to_be_between"
        yield Problem(True, where, f"Great Expectations can't name {quoted[0]!r} in this expectation", fix)
    if "_regex" in kind and suite.stage != "loaded":
        fix = "write expect_column_values_to_match_pattern, with `pattern`"
        yield Problem(True, where, "Great Expectations can't match regular expressions in staged files", fix)
    referred = expectation.get("kwargs", {}).get("ref_table")
    if tables is not None and referred is not None and referred not in (tables := list(tables)):
        yield Problem(True, where, f"it refers to {referred!r}, which is no table of this migration", nearest(str(referred), tables))


def _conditioned(condition: Any) -> list[str]:
    """The columns in a row condition's mapping form."""
    if isinstance(condition, list):
        return [c for part in condition for c in _conditioned(part)]
    if not isinstance(condition, dict):
        return []
    column = condition.get("column")
    own = [str(column["name"])] if isinstance(column, dict) and "name" in column else []
    return own + [c for k, part in condition.items() if k != "column" for c in _conditioned(part)]


def _understood(expectation: Expectation, where: str) -> None:
    """Raise MigrationError for anything in one expectation that would be ignored, or would make it pass by itself."""
    _known(expectation, _KEYS, where)
    kind, kwargs = expectation.get("type"), expectation.get("kwargs", {})
    if not isinstance(kind, str) or not kind:
        raise _mistake(where, "an expectation needs a `type`")
    if not isinstance(kwargs, dict):
        raise _mistake(where, "`kwargs` is a mapping")
    if expectation.get("severity", "critical") not in SEVERITIES:
        raise _mistake(where, f"no severity called {expectation['severity']!r}", nearest(str(expectation["severity"]), SEVERITIES))
    if not isinstance(expectation.get("meta") or {}, dict):
        raise _mistake(where, "`meta` is a mapping")
    if misplaced := sorted(_RESERVED & set(kwargs)):
        raise _mistake(where, f"{misplaced[0]!r} does not belong into kwargs", "put it beside `kwargs`, or leave it out: the gate sets it")
    mostly = kwargs.get("mostly", 1)
    if isinstance(mostly, bool) or not isinstance(mostly, (int, float)) or not 0 < mostly <= 1:
        raise _mistake(where, f"mostly: {mostly!r} is not a share of the rows", "above 0, and 1 at most")
    if "value_set" in kwargs and not kwargs["value_set"]:
        raise _mistake(where, "an empty value_set says nothing", "list the values")
    for parameter in _parameters(kwargs):
        if unknown := [w for w in re.findall(r"[^\W\d]\w*", parameter) if w != PARAMETER]:
            raise _mistake(where, f"there is no parameter called {unknown[0]!r}", f"the one there is: {PARAMETER}")


def _parameters(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [str(value["$PARAMETER"])] if "$PARAMETER" in value else []
        return own + [p for part in value.values() for p in _parameters(part)]
    return [p for part in value for p in _parameters(part)] if isinstance(value, list) else []


def _known(mapping: Mapping[str, Any], known: frozenset[str], where: str) -> None:
    for key in mapping:
        if key not in known:
            raise _mistake(where, f"nothing is called {key!r} here", nearest(str(key), known))


def _mistake(where: str, what: str, fix: str = "") -> MigrationError:
    return MigrationError(what, where=where, fix=fix)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        twice = next(k for k, _ in pairs if sum(k == other for other, _ in pairs) > 1)
        raise ValueError(f"{twice!r} is written twice in one mapping")
    return made


class _StrictLoader(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        return _unique([(self.construct_object(k, deep=True), self.construct_object(v, deep=True)) for k, v in node.value])
