"""Retry: a run that failed on one table is resumed, and redoes nothing of the tables that are done."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from penstock import run
from penstock.cli.commands import main
from penstock.errors import GateClosed
from penstock.model.pipeline import named
from penstock.model.plan import groups
from penstock.runtime import events
from tests.support.data.shop import ITEMS, TABLES, Shop

EMPTY_NOTES = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "note"}}


class Stopped(BaseException):
    """As when the process is gone."""


@contextmanager
def stopped_at(event: str, table: str) -> Iterator[None]:
    def stop(name: str, facts: dict[str, Any]) -> None:
        if (name, facts.get("table")) == (event, table):
            raise Stopped

    with events.subscribed(stop), pytest.raises(Stopped):
        yield


@contextmanager
def work() -> Iterator[dict[str, set[str]]]:
    """The tables that each event of the with block was about."""
    seen = defaultdict[str, set[str]](set)

    def note(name: str, facts: dict[str, Any]) -> None:
        if "table" in facts:
            seen[name].add(facts["table"])

    with events.subscribed(note):
        yield seen


def suite(folder: Path, name: str, *expectations: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps({"name": name, "expectations": list(expectations)}))


def test_a_table_whose_extraction_failed_is_read_again_and_the_others_are_not(shop: Shop) -> None:
    migration = shop.write(extra="consistency: table")
    with stopped_at("extract.batch", "log"), work() as first:
        shop.run(migration=migration)
    done = first["extract.finished"]
    assert done and "log" not in done
    with work() as second:
        shop.run(migration=migration)
    assert second["extract.kept"] == done and second["extract.started"] == set(TABLES) - done


def test_a_table_whose_load_failed_is_loaded_again_and_nothing_else_is_done_twice(shop: Shop) -> None:
    with stopped_at("load.batch", "order"), work() as first:
        shop.run()
    done = first["load.chunk"]
    with work() as second:
        shop.run()
    assert "order" not in done and second["load.kept"] == done and second["load.started"] == set(TABLES) - done
    assert second["extract.started"] == set() and second["extract.kept"] == set(TABLES)
    assert len(shop.rows("order")) == 599


def test_a_table_whose_gate_closed_is_judged_again_by_its_corrected_suite_and_no_row_is_read_again(shop: Shop) -> None:
    suite(shop.folder / "expectations", "order.extracted", EMPTY_NOTES)
    with pytest.raises(GateClosed):
        shop.run()
    suite(shop.folder / "expectations", "order.extracted", EMPTY_NOTES | {"severity": "warning"})
    with work() as second:
        shop.run()
    assert second["extract.started"] == set() and len(shop.rows(ITEMS)) == 1198


def test_the_part_of_one_airflow_task_is_retried_alone(shop: Shop) -> None:
    """A mapped task that is cleared performs its group again: what is done of it is kept, and other groups are not touched."""
    session = shop.run(stop_before_switch=True)
    (whole,) = groups(session.plan, named("load"))
    with session.writing() as connection, connection.begin():
        connection.exec_driver_sql("DELETE FROM penstock_receipts WHERE stage = 'loaded' AND table_name = 'order'")
        connection.exec_driver_sql('DELETE FROM "penstock_new__order"')
    with work() as again:
        run.perform(session, named("load"), whole)
    assert again["load.started"] == {"order"} and again["load.kept"] == set(TABLES) - {"order"}


def test_the_same_command_resumes_and_a_resumed_run_is_not_narrowed_to_other_tables(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(shop.folder)
    shop.write()
    suite(shop.folder / "expectations" / "shop", "order.extracted", EMPTY_NOTES)
    assert main(["run", "shop.yaml", "--run-id", "r1"]) == 3
    assert main(["run", "shop.yaml", "--run-id", "r1", "--tables", "order"]) == 1
    assert "the run r1 was planned for the tables" in capsys.readouterr().err
    Path("expectations/shop/order.extracted.json").unlink()
    with work() as second:
        assert main(["run", "shop.yaml"]) == 0
    assert "resuming run r1" in capsys.readouterr().err and second["extract.started"] == set()
