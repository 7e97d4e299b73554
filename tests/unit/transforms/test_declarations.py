"""What a transform declares decides what the engine does with it; what it does not declare is taken to be unsafe."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint
from types import ModuleType
from typing import Any

import pyarrow as pa
import pytest

from penstock import transforms
from penstock.errors import MigrationError, TransformFailed
from penstock.model.schema import Column, Type
from penstock.transforms import Transform, named
from penstock.transforms._mapping import trace

COLUMNS = (Column("a", Type("int32")), Column("b", Type("int32")))
ROWS = pa.table({"a": pa.array([1, 2], pa.int32()), "b": pa.array([3, 4], pa.int32())})


def declared(**more: Any) -> Transform:
    """A step that changes nothing, and whatever else it declares."""
    return Transform(check=lambda args: None, schema=lambda columns, args: columns, apply=lambda rows, *_: rows, **more)


@pytest.fixture
def add(monkeypatch: pytest.MonkeyPatch) -> Callable[[Transform], None]:
    """Make a transform known under the name `toy`."""

    def known(transform: object) -> None:
        module = ModuleType("toy_transform")
        module.transform = transform  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setitem(transforms._REGISTRY.added, "toy", EntryPoint("toy", module.__name__, "penstock.transforms"))

    return known


@pytest.mark.parametrize("name", transforms.names())
def test_every_module_of_the_folder_declares_a_transform(name: str) -> None:
    assert isinstance(transforms.of(name), Transform)


def test_a_module_that_declares_none_is_refused_with_the_line_to_add(add: Callable[[object], None]) -> None:
    add(None)
    with pytest.raises(MigrationError) as refused:
        transforms.of("toy")
    assert "transform = Transform(check=check, schema=schema, apply=apply)" in refused.value.fix


def test_a_step_that_declares_nothing_may_have_changed_every_column(add: Callable[[object], None]) -> None:
    add(declared())
    found = trace(["a", "b"], [("toy", ["a"]), ("cast", {"b": "string"})])
    assert {*found.touched} == {"a", "b"} and not found.as_text and not found.concealed


def test_a_step_that_declares_its_columns_leaves_the_others_untouched(add: Callable[[object], None]) -> None:
    add(declared(touches=named, reads=named))
    found = trace(["a", "b"], [("rename", {"a": "x"}), ("toy", ["x"]), ("cast", {"b": "string"})])
    assert found.names == {"a": "x", "b": "b"} and {*found.touched} == {"a", "b"} and found.as_text == {"b"}


def test_a_column_that_a_step_conceals_is_found_by_its_name_at_the_source(add: Callable[[object], None]) -> None:
    add(declared(conceals=named))
    assert trace(["a", "b"], [("rename", {"a": "x"}), ("toy", "x")]).concealed == {"a"}


def test_a_column_made_under_the_name_of_a_dropped_one_is_not_that_column() -> None:
    found = trace(["a", "b"], [("drop", "a"), ("derive", {"a": "b + 1"})])
    assert found.names == {"b": "b"} and found.touched == {}


def test_a_step_that_leaves_rows_out_without_declaring_it_fails(add: Callable[[object], None]) -> None:
    transform = declared()
    add(Transform(check=transform.check, schema=transform.schema, apply=lambda rows, *_: rows.slice(1)))
    with pytest.raises(TransformFailed, match="the step toy made 1 rows of 2") as failed:
        transforms.apply(ROWS, COLUMNS, [("toy", ["a"])], {})
    assert "keeps_rows=False" in failed.value.fix


def test_a_step_that_declares_that_it_leaves_rows_out_may(add: Callable[[object], None]) -> None:
    transform = declared()
    add(Transform(check=transform.check, schema=transform.schema, apply=lambda rows, *_: rows.slice(1), keeps_rows=False))
    assert transforms.apply(ROWS, COLUMNS, [("toy", ["a"])], {}).num_rows == 1
    assert not transforms.keeps_rows([("toy", ["a"])])
