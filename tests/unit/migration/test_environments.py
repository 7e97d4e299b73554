"""One migration file for several environments: variables, overlays, and fields with new names."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from penstock.errors import MigrationError
from penstock.migration import overlay
from penstock.migration.loader import load

BASE = """\
name: shop
source: ${SHOP_PG}
target: warehouse
chunk: ${CHUNK:-16MiB}
tables:
  order:
    to: orders
    sensitive: [note]
"""


def written(folder: Path, text: str, name: str = "shop.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_a_variable_is_taken_from_the_environment_and_a_default_where_it_is_not_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_PG", "postgresql://reader:p#ss: word@host/shop")
    made = load(written(tmp_path, BASE))
    assert made.source == "postgresql://reader:p#ss: word@host/shop" and made.chunk_bytes == 16 << 20
    monkeypatch.setenv("CHUNK", "1MiB")
    assert load(tmp_path / "shop.yaml").chunk_bytes == 1 << 20


def test_every_variable_that_is_missing_is_named_with_its_place_and_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHOP_PG", raising=False)
    path = written(tmp_path, BASE + "switch: {keep_old: '${KEEP}'}\n")
    with pytest.raises(MigrationError) as caught:
        load(path)
    first, second, *_ = caught.value.where.splitlines()
    fix = "the environment variable SHOP_PG is not set: export SHOP_PG=..., or write ${SHOP_PG:-default}"
    assert first == f"{path}:2:9: source: {fix}"
    assert second.strip().startswith(f"{path}:9:20: switch.keep_old: the environment variable KEEP is not set")


def test_a_value_can_not_change_the_structure_of_the_file_and_a_doubled_dollar_is_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_PG", "a\nswitch: {approval: true}")
    made = load(written(tmp_path, BASE.replace("to: orders", "to: $${SHOP_PG}")))
    assert made.switch.approval is False and made.source.startswith("a\n")
    assert made.tables.specs["order"].to == "${SHOP_PG}"


def test_a_new_address_is_the_same_migration_and_another_setting_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, BASE)
    monkeypatch.setenv("SHOP_PG", "postgresql://host/old")
    old = load(path).fingerprint
    monkeypatch.setenv("SHOP_PG", "postgresql://host/new")
    assert load(path).fingerprint == old
    monkeypatch.setenv("CHUNK", "1MiB")
    assert load(path).fingerprint != old


def test_an_overlay_says_only_what_differs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, BASE.replace("${SHOP_PG}", "dev_shop"))
    written(tmp_path, "source: prod_shop\nswitch: {approval: true}\ntables: {order: {to: sales_orders}}\n", "shop.prod.yaml")
    monkeypatch.delenv("PENSTOCK_ENV", raising=False)
    dev, prod = load(path), load(path, "prod")
    assert (dev.source, dev.switch.approval, dev.tables.specs["order"].to) == ("dev_shop", False, "orders")
    assert (prod.source, prod.switch.approval, prod.tables.specs["order"].to) == ("prod_shop", "each_run", "sales_orders")
    assert prod.tables.specs["order"].sensitive == ("note",) and prod.fingerprint != dev.fingerprint
    monkeypatch.setenv("PENSTOCK_ENV", "prod")
    assert load(path) == prod


def test_a_mistake_in_an_overlay_is_shown_in_the_overlay(tmp_path: Path) -> None:
    path = written(tmp_path, BASE.replace("${SHOP_PG}", "dev_shop"))
    above = written(tmp_path, "switch:\n  aproval: true\n", "shop.prod.yaml")
    with pytest.raises(MigrationError) as caught:
        load(path, "prod")
    assert caught.value.where == f"{above}:2:3: switch.aproval: unknown field — did you mean 'approval'?"


def test_an_overlay_is_no_migration_of_its_own(tmp_path: Path) -> None:
    path = written(tmp_path, BASE)
    above = written(tmp_path, "source: prod_shop\n", "shop.prod.yaml")
    lone = written(tmp_path, BASE, "v1.2.yaml")
    assert overlay.files(tmp_path) == [path, lone]
    with pytest.raises(MigrationError) as caught:
        load(above)
    assert caught.value.fix == "it is an overlay of shop.yaml: give that file"


def test_old_names_of_fields_are_accepted_with_a_warning_that_says_the_new_one(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tables = """\
start_date: 2024-01-01
schedule: "@daily"
tables:
  kind: {moved: once}
  event: {partition: {by: at, rest: first}}
  note: {incremental: {by: at, lag: 1m, whole: 2d}}
"""
    path = written(tmp_path, "name: shop\nsource: a\ntarget: b\n" + tables)
    with caplog.at_level(logging.WARNING):
        made = load(path)
    specs = made.tables.specs
    assert specs["kind"].load == "once" and specs["event"].partition and specs["event"].partition.out_of_range == "first"
    assert specs["note"].incremental
    assert (specs["note"].incremental.lookback.seconds, specs["note"].incremental.full_refresh_every.days) == (60, 2)
    assert [w.partition(": ")[2] for w in made.renamed] == [
        "tables.kind.moved: `moved` is now called `load`",
        "tables.event.partition.rest: `rest` is now called `out_of_range`",
        "tables.note.incremental.lag: `lag` is now called `lookback`",
        "tables.note.incremental.whole: `whole` is now called `full_refresh_every`",
    ]
    assert made.renamed[0].startswith(f"{path}:7:10: ") and all(w in caplog.text for w in made.renamed)


def test_a_field_under_both_names_is_a_mistake(tmp_path: Path) -> None:
    path = written(tmp_path, "name: shop\nsource: a\ntarget: b\ntables: {kind: {moved: once, load: once}}\n")
    with pytest.raises(MigrationError, match=r"tables.kind.moved: said twice, `moved` is the old name of `load`"):
        load(path)
