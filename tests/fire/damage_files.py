"""Damage to staged files and to their receipts, by somebody who can write to the staging area."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from random import Random

import pyarrow as pa
import pyarrow.parquet as pq

from tests.fire.place import Place

Act = Callable[[Place, Random], None]


def _pick(where: Place, random: Random, suffix: str) -> Path:
    """A staged file that is still to be read: of a table with transforms, the transformed one where there is one."""
    run = where.root / "fire" / "A"
    found = list(run.glob(f"transformed/*/*/*.{suffix}"))
    tables = {p.parts[-3] for p in found}
    found += [p for p in run.glob(f"extracted/*/*/*.{suffix}") if p.parts[-3] not in tables]
    return random.choice(sorted(found))


def _exchange(where: Place, random: Random, suffix: str) -> None:
    """Two files of a stage, each in the place of the other."""
    one = _pick(where, random, suffix)
    other = random.choice(sorted(p for p in one.parent.parent.parent.glob(f"*/*/*.{suffix}") if p != one))
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)


def _another_value(file: Path, random: Random) -> None:
    """A Parquet file with another value in one row."""
    table = pq.read_table(file)
    values = table.column("gen").to_pylist()
    values[random.randrange(len(values))] = 77
    place = table.schema.get_field_index("gen")
    field = table.schema.field(place)
    pq.write_table(table.set_column(place, field, pa.array(values, field.type)), file)


def byte_changed(where: Place, random: Random) -> None:
    file = _pick(where, random, "parquet")
    content = bytearray(file.read_bytes())
    content[random.randrange(len(content))] ^= 1 << random.randrange(8)
    file.write_bytes(content)


def truncated(where: Place, random: Random) -> None:
    file = _pick(where, random, "parquet")
    file.write_bytes(file.read_bytes()[: -random.randint(1, file.stat().st_size)])


def removed(where: Place, random: Random) -> None:
    _pick(where, random, "parquet").unlink()


def swapped(where: Place, random: Random) -> None:
    _exchange(where, random, "parquet")


def rewritten(where: Place, random: Random) -> None:
    """A Parquet file that is right in itself, with another value in one row."""
    _another_value(_pick(where, random, "parquet"), random)


def differing_rows(where: Place, random: Random) -> None:
    """Another value in a row that a repair is to put in place."""
    _another_value(random.choice(sorted((where.root / "fire" / "A").glob("compared/*/*/*.parquet"))), random)


def row_doubled(where: Place, random: Random) -> None:
    file = _pick(where, random, "parquet")
    table = pq.read_table(file)
    pq.write_table(pa.concat_tables([table, table.slice(random.randrange(len(table)), 1)]), file)


def receipt(change: Callable[[dict[str, object], Random], None]) -> Act:
    def act(where: Place, random: Random) -> None:
        file = _pick(where, random, "json")
        held = json.loads(file.read_text())
        change(held, random)
        file.write_text(json.dumps(held))

    return act


def digest(text: str, random: Random) -> str:
    rows, _, digest = text.partition(":")
    return f"{rows}:{int(digest, 16) ^ 1 << random.randrange(100):0{len(digest)}x}"


def receipt_removed(where: Place, random: Random) -> None:
    _pick(where, random, "json").unlink()


def receipts_swapped(where: Place, random: Random) -> None:
    _exchange(where, random, "json")


def file_and_receipt(where: Place, random: Random) -> None:
    """Another value in one row, and the new hash of the file in its receipt."""
    file = _pick(where, random, "parquet")
    _another_value(file, random)
    receipt = file.with_suffix(".json")
    held = json.loads(receipt.read_text())
    receipt.write_text(json.dumps(held | {"sha256": hashlib.sha256(file.read_bytes()).hexdigest(), "bytes": file.stat().st_size}))
