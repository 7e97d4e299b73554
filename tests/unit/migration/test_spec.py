"""Migration files: what they can say, and what is told of one that says something else."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock import transforms
from penstock.errors import MigrationError
from penstock.migration.loader import json_schema, load
from penstock.migration.spec import Migration, SwitchSpec, TableSpec, parse_bytes, parse_duration

LEAST = "name: shop\nsource: shop_source\ntarget: warehouse\n"
ALL = """\
# The whole of what can be said.
name: shop-2
source: shop_source
target: postgresql://me@host/warehouse
source_schema: public
target_schema: sales
schedule: "@daily"
start_date: 2013-01-01
staging: file:///var/staging
tables:
  include: ["cust*", order]
  exclude: ["*_old"]
  order:
    to: orders
    key: [id, line]
    sensitive: [note]
    transform:
      - rename: {at: ordered_at}
      - drop: [legacy]
      - cast: {price: "decimal(10,2)"}
      - derive: {total: price * amount}
      - filter: amount > 0
      - map: {state: {N: new, null: unknown}}
      - mask: {email: sha256}
      - fill: {discount: 0}
      - python: shop.clean:names
  include_me:
  no "quotes" %s: {to: "100%"}
checks: suites/shop
switch: {how: swap, approval: true, keep_old: 12h, approve_within: 30m}
consistency: run
chunk: 16MiB
"""


def written(folder: Path, text: str) -> Path:
    (folder / "shop.yaml").write_text(text, encoding="utf-8")
    return folder / "shop.yaml"


def mistakes(folder: Path, text: str) -> list[str]:
    """What is told of a file: one line a mistake, without the folder."""
    with pytest.raises(MigrationError) as caught:
        load(written(folder, text))
    assert caught.value.fix
    return [line.strip().removeprefix(f"{folder}/") for line in caught.value.where.splitlines()]


def told(folder: Path, text: str) -> str:
    (line,) = mistakes(folder, text)
    return line


# ---- what can be said


def test_three_lines_are_a_migration(tmp_path: Path) -> None:
    made = load(written(tmp_path, LEAST))
    assert (made.name, made.source, made.target) == ("shop", "shop_source", "warehouse")
    assert (made.tables.include, made.tables.exclude, made.tables.specs) == (("*",), (), {})
    assert (made.schedule, made.start_date, made.staging_url, made.source_schema, made.target_schema) == (None,) * 5
    assert made.checks == Path("expectations/shop") and made.consistency == "best" and made.chunk_bytes == 32 << 20
    assert made.switch == SwitchSpec() and made.switch.keep_old == dt.timedelta(days=7) and not made.switch.approval
    assert made.switch.approve_within == dt.timedelta(hours=24) and made.switch.how == "swap"


def test_everything_said_is_heard(tmp_path: Path) -> None:
    made = load(written(tmp_path, ALL))
    assert made.name == "shop-2" and made.source_schema == "public" and made.target_schema == "sales"
    assert made.schedule == "@daily" and made.start_date == dt.date(2013, 1, 1) and made.staging_url == "file:///var/staging"
    assert made.tables.include == ("cust*", "order") and made.tables.exclude == ("*_old",)
    assert list(made.tables.specs) == ["order", "include_me", 'no "quotes" %s']
    assert made.tables.specs["include_me"] == TableSpec() and made.tables.specs['no "quotes" %s'].to == "100%"
    order = made.tables.specs["order"]
    assert (order.to, order.key, order.sensitive) == ("orders", ("id", "line"), ("note",))
    assert [name for name, _ in order.transform] == ["rename", "drop", "cast", "derive", "filter", "map", "mask", "fill", "python"]
    assert order.transform[5] == ("map", {"state": {"N": "new", None: "unknown"}})
    assert made.checks == Path("suites/shop") and made.consistency == "run" and made.chunk_bytes == 16 << 20
    assert made.switch.approval and made.switch.keep_old == dt.timedelta(hours=12)
    assert made.switch.approve_within == dt.timedelta(minutes=30)


def test_file_is_known_by_its_bytes(tmp_path: Path) -> None:
    path = written(tmp_path, LEAST)
    made = load(path)
    assert made.path == path and made.fingerprint == hashlib.sha256(path.read_bytes()).hexdigest()
    assert load(written(tmp_path, LEAST + "# and no more\n")).fingerprint != made.fingerprint


def test_migration_is_frozen_and_its_repr_shows_no_password(tmp_path: Path) -> None:
    made = load(written(tmp_path, LEAST.replace("warehouse", "postgresql://me:secret@host/d")))
    for part, field in ((made, "name"), (made.tables, "include"), (made.switch, "how"), (made, "new")):
        with pytest.raises(ValueError, match="frozen"):
            setattr(part, field, "other")
    assert "secret" not in repr(made) and "secret" in made.target


@pytest.mark.parametrize("name", ["specs", "model_fields", "_hidden", "class", "a.b", "transform", "tables", "名前", "-"])
def test_table_may_have_any_name(tmp_path: Path, name: str) -> None:
    made = load(written(tmp_path, LEAST + json.dumps({"tables": {name: {"to": "x"}}})[1:-1]))
    assert made.tables.specs == {name: TableSpec(to="x")}


@pytest.mark.parametrize(
    ("text", "size"),
    [("32MiB", 32 << 20), ("1 GiB", 1 << 30), ("1.5KiB", 1536), ("64KB", 64_000), ("500000", 500_000), (500, 500), ("16M", 16_000_000),
     ("2mib", 2 << 20), ("5B", 5)],
)  # fmt: skip
def test_size_is_heard(text: str | int, size: int) -> None:
    assert parse_bytes(text) == size


@pytest.mark.parametrize("text", ["", "MiB", "32 TiB", "-1", "0", "0.1", "1iB", "a lot", True, None, "1e6"])
def test_size_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="32MiB"):
        parse_bytes(text)


@given(st.integers(0, 10_000), st.sampled_from("smhdw"))
def test_duration_is_heard(number: int, unit: str) -> None:
    word = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}[unit]
    assert parse_duration(f"{number}{unit}") == dt.timedelta(**{word: number})


@pytest.mark.parametrize("text", ["7", "d", "7 days", "-1d", "1.5h", "9999999999999w", "", 7])
def test_duration_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"duration|longer than time"):
        parse_duration(text)


# ---- what is told


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            LEAST + "tables:\n  flights:\n    tranform: []\n",
            "shop.yaml:6:5: tables.flights.tranform: unknown field — did you mean 'transform'?",
        ),
        (LEAST + "shedule: null\n", "shop.yaml:4:1: shedule: unknown field — did you mean 'schedule'?"),
        (LEAST + "switch:\n  aproval: true\n", "shop.yaml:5:3: switch.aproval: unknown field — did you mean 'approval'?"),
        (LEAST + "bad_rows: {acton: stop}\n", "shop.yaml:4:12: bad_rows.acton: unknown field — did you mean 'action'?"),
        (LEAST + "bad_rows: {action: skip}\n", "shop.yaml:4:12: bad_rows.action: expected 'stop' or 'quarantine', got 'skip'"),
        (LEAST + "bad_rows: {action: quarantine}\n", "shop.yaml:4:1: bad_rows: say how many rows may go to quarantine"),
        (LEAST + "bad_rows: {at_most: 3}\n", "shop.yaml:4:1: bad_rows: `at_most` is of `action: quarantine`"),
        (LEAST + "bad_rows: {action: quarantine, at_most: 0}\n", "shop.yaml:4:32: bad_rows.at_most: "),
        (
            LEAST + "tables:\n  bad_rows: {bad_rows: {action: quarantine, at_mots: 3}}\n",
            "shop.yaml:5:45: tables.bad_rows.bad_rows.at_mots: unknown field — did you mean 'at_most'?",
        ),
        (LEAST + "partition: {by: day}\n", "shop.yaml:4:1: partition: unknown field"),
        (LEAST + "path: x\n", "shop.yaml:4:1: path: unknown field"),
        (LEAST + "fingerprint: x\n", "shop.yaml:4:1: fingerprint: unknown field"),
        ("name: shop\nsource: a\n", "shop.yaml:1:1: target: is missing"),
        (LEAST.replace("shop\n", "Shop\n", 1), "shop.yaml:1:1: name: expected a small letter"),
        (LEAST.replace("shop\n", "5\n", 1), "shop.yaml:1:1: name: expected text, got a number: put it in quotes"),
        (LEAST.replace("warehouse", '""'), "shop.yaml:3:1: target: is empty"),
        (LEAST.replace("warehouse", ""), "shop.yaml:3:1: target: expected text, got nothing"),
        (LEAST + "tables: [a]\n", "shop.yaml:4:1: tables: expected a mapping of fields, got a list"),
        (LEAST + "tables: {include: a}\n", "shop.yaml:4:10: tables.include: expected a list, for instance [a, b], got text"),
        (LEAST + "tables: {inclde: [a]}\n", "tables.inclde: expected a mapping of fields, got a list — did you mean 'include'?"),
        (
            LEAST + "tables:\n  a:\n    key:\n      - no\n",
            "shop.yaml:7:9: tables.a.key.0: expected text, got true or false: put it in quotes",
        ),
        (LEAST + "tables: {2013: {}}\n", "shop.yaml:4:10: tables.2013: YAML does not read this name as text: put it in quotes"),
        (LEAST + "switch: swap\n", "shop.yaml:4:1: switch: expected a mapping of fields, got text"),
        (LEAST + "switch: {how: swop}\n", "shop.yaml:4:10: switch.how: no switch kind called 'swop' — did you mean 'swap'?"),
        (LEAST + "switch: {approval: 1}\n", "shop.yaml:4:10: switch.approval: expected true, false, each_run or per_backfill, got 1"),
        (LEAST + "switch: {keep_old: 7}\n", "shop.yaml:4:10: switch.keep_old: 7 is not a duration: write for instance 7d, 12h or 30m"),
        (LEAST + "consistency: all\n", "shop.yaml:4:1: consistency: expected 'run', 'table' or 'best', got 'all'"),
        (LEAST + "chunk: big\n", "shop.yaml:4:1: chunk: 'big' is not a size: write for instance 32MiB"),
        (LEAST + "schedule: daily\n", "shop.yaml:4:1: schedule: 'daily' is neither cron nor one of @hourly, @daily"),
        (LEAST + "schedule: '@dayly'\n", "shop.yaml:4:1: schedule: '@dayly' is neither cron nor"),
        (LEAST + "schedule: 5\n", "shop.yaml:4:1: schedule: expected text, got a number"),
        (LEAST + "start_date: 20130101\n", "shop.yaml:4:1: start_date: expected a date, for instance 2013-01-01"),
        (LEAST + "start_date: soon\n", "shop.yaml:4:1: start_date: expected a date, for instance 2013-01-01"),
        (LEAST + "checks: [a]\n", "shop.yaml:4:1: checks: expected a folder's path, got a list"),
        (LEAST + "name: again\n", "shop.yaml:4:1: name: said twice, first in line 1"),
        (LEAST + "tables:\n  a: {to: b,\n      to: c}\n", "shop.yaml:6:7: tables.a.to: said twice, first in line 5"),
        (
            LEAST + "tables:\n  a:\n    transform:\n    - rename: {x: y, x: z}\n",
            "shop.yaml:7:22: tables.a.transform.0.rename.x: said twice",
        ),
    ],
)
def test_mistake_is_told_with_its_place_and_what_was_expected(tmp_path: Path, text: str, expected: str) -> None:
    assert expected in told(tmp_path, text)


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("renam: {a: b}", "no transform called 'renam' — did you mean 'rename'?"),
        ("rename: [a]", "rename: expected {old name: new name}"),
        ("rename", "a step is one word and what belongs to it"),
        ("{rename: {a: b}, drop: c}", "a step is one word and what belongs to it"),
        ("mask: {a: md5}", "mask: a: 'md5' is not a way to mask; there is: sha256"),
        ("filter:", "filter: expected an SQL condition"),
        ("drop: [no]", "drop: expected [column, ...]"),
        ("cast: {no: int64}", "cast: False is not a column's name: put it in quotes"),
        ("1: 2", "no transform called 1"),
    ],
)
def test_mistake_in_a_step_is_told_by_the_transform(tmp_path: Path, step: str, expected: str) -> None:
    line = told(tmp_path, LEAST + f"tables:\n  a:\n    transform:\n      - drop: b\n      - {step}\n")
    assert line.startswith("shop.yaml:8:9: tables.a.transform.1: ") and expected in line


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = "name: Shop\nsource: a\nchunk: big\nchunk: 1MiB\ntables:\n  a: {too: b}\nswitch:\n  how: swop\n"
    lines = mistakes(tmp_path, text)
    assert [line.split(":")[1] for line in lines] == ["1", "1", "4", "6", "8"]
    assert {"name", "target", "chunk", "tables.a.too", "switch.how"} == {line.split(": ")[1] for line in lines}
    with pytest.raises(MigrationError, match=r"shop\.yaml has 5 mistakes"):
        load(tmp_path / "shop.yaml")


@pytest.mark.parametrize(
    ("text", "what", "where", "why"),
    [
        ("", "is empty", ":1:1", ""),
        ("# nothing\n", "is empty", ":1:1", ""),
        ("null\n", "is not a mapping", ":1:1", ""),
        ("- a\n", "is not a mapping", ":1:1", ""),
        ("name: a\n  b: c\n", "is not YAML", ":2:4", "mapping values are not allowed here"),
        ("name: a\nschedule: @daily\n", "is not YAML", ":2:11", "'@' that cannot start any token"),
        ("name: a\n---\nname: b\n", "is not YAML", ":2:1", "but found another document"),
        ("name: !!python/object:os.system x\n", "is not YAML", ":1:7", "could not determine a constructor"),
        ("name: 2013-99-99\n", "is not YAML", "shop.yaml", "month"),
        ("? [a]\n: b\n", "is not YAML", ":1:3", "unhashable key"),
        ("a: \x07\n", "is not YAML", "shop.yaml", "special characters"),
    ],
)
def test_file_that_is_no_mapping_is_told_with_its_place(tmp_path: Path, text: str, what: str, where: str, why: str) -> None:
    with pytest.raises(MigrationError) as caught:
        load(written(tmp_path, text))
    error = caught.value
    assert what in error.what and error.where.endswith(where) and why in error.why and error.fix


def test_file_that_is_not_text_or_not_there_is_told(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"name: caf\xe9\n")
    with pytest.raises(MigrationError, match=r"latin.yaml is not YAML"):
        load(tmp_path / "latin.yaml")
    with pytest.raises(MigrationError, match="can't read") as caught:
        load(tmp_path / "nowhere.yaml")
    assert caught.value.why


def test_alias_of_what_it_stands_in_is_no_endless_loop(tmp_path: Path) -> None:
    assert "tables.a.to" in told(tmp_path, LEAST + "tables:\n  a: &a\n    to: *a\n")
    shared = "tables:\n  a: &a {sensitive: [x]}\n  b: *a\n  c: {<<: *a, to: d}\n"
    assert load(written(tmp_path, LEAST + shared)).tables.specs["c"] == TableSpec(to="d", sensitive=("x",))


@given(st.text())
@settings(max_examples=200, deadline=None)
def test_any_text_is_a_migration_or_a_migration_error(text: str) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "shop.yaml")
        path.write_bytes((LEAST + "tables:\n  " + text).encode("utf-8", "surrogatepass"))
        try:
            assert isinstance(load(path), Migration)
        except MigrationError as error:
            assert error.where.startswith(str(path))


def test_no_value_of_a_password_is_told(tmp_path: Path) -> None:
    with pytest.raises(MigrationError) as caught:
        load(written(tmp_path, "name: shop\nsource: [postgresql://u:secret@h/d]\ntarget: {url: secret}\n"))
    assert "secret" not in str(caught.value)


# ---- the schema, and how light it is


def test_json_schema_allows_what_can_be_said_and_nothing_else() -> None:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for good in (LEAST, ALL.replace("start_date: 2013-01-01", "start_date: '2013-01-01'").replace("include_me:", "include_me: {}")):
        assert not list(validator.iter_errors(yaml.safe_load(good.replace("null: unknown", "Z: unknown"))))
    for bad in (
        "nam: x",
        "chunk: big",
        "tables: {a: {tranform: []}}",
        "tables: {a: {transform: [{renam: {}}]}}",
        "switch: {keep_old: 7}",
        "path: x",
    ):
        assert list(validator.iter_errors(yaml.safe_load(LEAST + bad))), bad


def test_json_schema_completes_fields_transforms_and_defaults() -> None:
    schema = json_schema()
    assert set(schema["properties"]) == set(Migration.model_fields) and schema["required"] == ["name", "source", "target"]
    assert (
        schema["properties"]["chunk"]["default"] == "32MiB" and schema["$defs"]["SwitchSpec"]["properties"]["keep_old"]["default"] == "7d"
    )
    assert set(schema["$defs"]["TableSpec"]["properties"]["transform"]["items"]["properties"]) == set(transforms.names())
    json.dumps(schema)


def test_reading_a_migration_imports_no_arrow_no_database_and_no_airflow(tmp_path: Path) -> None:
    heavy = ("pyarrow", "duckdb", "pandas", "numpy", "sqlalchemy", "airflow", "great_expectations")
    program = (
        "import sys; from pathlib import Path; from penstock.migration import loader as migration\n"
        f"migration.load(Path({str(written(tmp_path, ALL))!r})); migration.json_schema()\n"
        f"print([m for m in {heavy} if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip() == "[]"
