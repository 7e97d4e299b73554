"""Staging in an object store: few requests for each file, and no file that is not whole."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pytest

from penstock.errors import StagingDamaged
from penstock.state import plan_file, staging
from penstock.state.protection import Protection
from penstock.state.staging import Receipt, Staging
from tests.support.data.shop import Shop
from tests.support.requests import ran
from tools.s3_server import ENVIRONMENT, S3, s3_server

ROWS = pa.RecordBatch.from_pydict({"id": pa.array(range(50_000), pa.int64()), "name": pa.array([f"name {n}" for n in range(50_000)])})
FILE = "extracted/t/00000.parquet"


@pytest.fixture(scope="module")
def store() -> Iterator[S3]:
    with pytest.MonkeyPatch.context() as patch, s3_server() as server:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        yield server


@pytest.fixture
def area(store: S3) -> Staging:
    return staging.of(store.bucket(), "shop", "r1")


def staged(area: Staging) -> Receipt:
    """Some rows with their receipt, in three row groups."""
    with area.parquet(ROWS.schema, FILE) as file:
        for start in range(0, 50_000, 20_000):
            file.writer.write_batch(ROWS.slice(start, 20_000))
    made = Receipt("t", "extracted", 0, 50_000, 50_000, "", bytes=file.bytes, file=FILE, sha256=file.sha256)
    area.write_receipt(made)
    return made


def test_a_chunk_is_sent_by_one_request_and_read_by_two(store: S3, area: Staging) -> None:
    before = store.requests()
    made = staged(area)
    assert store.requests() - before == 2  # the rows and the receipt
    found = area.read_as(["t"], 0).receipt("extracted", "t", 0)
    assert found == made and store.requests() - before == 4
    assert pa.Table.from_batches(area.rows(made)) == pa.Table.from_batches([ROWS])
    assert store.requests() - before == 6


def test_an_encrypted_chunk_costs_the_same(store: S3, area: Staging) -> None:
    locked = area.protected(Protection(frozenset({"t"}), bytes(32)))
    before = store.requests()
    made = staged(locked)
    assert pa.Table.from_batches(locked.rows(made)) == pa.Table.from_batches([ROWS]) and store.requests() - before == 4


def test_the_size_and_the_hash_of_a_file_are_those_of_the_object(area: Staging) -> None:
    made = staged(area)
    assert (made.bytes, made.sha256) == (area.size(FILE), area.sha256(FILE))


def test_an_error_while_a_file_is_written_leaves_nothing(area: Staging) -> None:
    with pytest.raises(RuntimeError), area.parquet(ROWS.schema, FILE) as file:
        file.writer.write_batch(ROWS)
        raise RuntimeError
    assert not area.exists(FILE)


def test_an_object_that_was_changed_or_removed_is_refused(area: Staging) -> None:
    made = staged(area)
    area.write_text("something else", FILE)
    with pytest.raises(StagingDamaged):
        list(area.rows(made))
    area.remove(FILE)
    with pytest.raises(StagingDamaged, match="nothing"):
        list(area.rows(made))


def test_a_receipt_that_is_not_there_is_none(area: Staging) -> None:
    assert area.read_as(["t"], 0).receipt("extracted", "t", 7) is None


def test_a_whole_run_stages_there(store: S3, shop: Shop) -> None:
    root, before = store.bucket(), store.requests()
    migration = shop.write(extra="chunk: 16KiB")
    ran(migration, "r1", root, shop.source, shop.target, shop.folder / "none")
    chunks = sum(len(t.chunks) for t in plan_file.read(staging.of(root, "shop", "r1")).tables)
    assert len(shop.rows("customer")) == 300
    assert (store.requests() - before) / chunks < 60
