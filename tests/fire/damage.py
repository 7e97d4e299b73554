"""What can be done to a run between extract and live, by somebody who can write to its staging area or to the target."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

from penstock import databases
from penstock.model.schema import TableName
from tests.fire.place import Place, connected

SERVERS = ("postgresql", "mariadb")
EVERY = (*SERVERS, "sqlite", "duckdb")
Act = Callable[[Place, Random], None]


@dataclass(frozen=True)
class Damage:
    """One kind of damage. moments: (event, which of them) at which it is done.  on: the targets on which it can be done.

    definition: it changes what declares the tables, and no row.
    """

    name: str
    act: Act
    moments: tuple[tuple[str, int], ...]
    on: tuple[str, ...] = EVERY
    definition: bool = False


# ---- staged files

_STAGED = (("extract.finished", 3), ("transform.finished", 1), ("prepare.started", 1))


def _pick(where: Place, random: Random, suffix: str) -> Path:
    """A staged file that is still to be read: of a table with transforms, the transformed one where there is one."""
    run = where.root / "fire" / "A"
    found = list(run.glob(f"transformed/*/*/*.{suffix}"))
    tables = {p.parts[-3] for p in found}
    found += [p for p in run.glob(f"extracted/*/*/*.{suffix}") if p.parts[-3] not in tables]
    return random.choice(sorted(found))


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
    one = _pick(where, random, "parquet")
    other = random.choice(sorted(p for p in one.parent.parent.parent.glob("*/*/*.parquet") if p != one))
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)


def rewritten(where: Place, random: Random) -> None:
    """A Parquet file that is right in itself, with another value in one row."""
    file = _pick(where, random, "parquet")
    table = pq.read_table(file)
    values = table.column("gen").to_pylist()
    values[random.randrange(len(values))] = 77
    place = table.schema.get_field_index("gen")
    field = table.schema.field(place)
    pq.write_table(table.set_column(place, field, pa.array(values, field.type)), file)


def row_doubled(where: Place, random: Random) -> None:
    file = _pick(where, random, "parquet")
    table = pq.read_table(file)
    pq.write_table(pa.concat_tables([table, table.slice(random.randrange(len(table)), 1)]), file)


def _receipt(change: Callable[[dict[str, object], Random], None]) -> Act:
    def act(where: Place, random: Random) -> None:
        file = _pick(where, random, "json")
        held = json.loads(file.read_text())
        change(held, random)
        file.write_text(json.dumps(held))

    return act


def _digest(text: str, random: Random) -> str:
    rows, _, digest = text.partition(":")
    return f"{rows}:{int(digest, 16) ^ 1 << random.randrange(100):0{len(digest)}x}"


def receipt_removed(where: Place, random: Random) -> None:
    _pick(where, random, "json").unlink()


def receipts_swapped(where: Place, random: Random) -> None:
    one = _pick(where, random, "json")
    other = random.choice(sorted(p for p in one.parent.parent.parent.glob("*/*/*.json") if p != one))
    first, second = one.read_text(), other.read_text()
    one.write_text(second)
    other.write_text(first)


def file_and_receipt(where: Place, random: Random) -> None:
    """Another value in one row, and the new hash of the file in its receipt."""
    file = _pick(where, random, "parquet")
    table = pq.read_table(file)
    values = table.column("gen").to_pylist()
    values[random.randrange(len(values))] = 77
    place = table.schema.get_field_index("gen")
    field = table.schema.field(place)
    pq.write_table(table.set_column(place, field, pa.array(values, field.type)), file)
    receipt = file.with_suffix(".json")
    held = json.loads(receipt.read_text())
    receipt.write_text(json.dumps(held | {"sha256": hashlib.sha256(file.read_bytes()).hexdigest(), "bytes": file.stat().st_size}))


# ---- shadow tables

_ROWS = (("load.finished", 1), ("build.finished", 1), ("prove.started", 1), ("prove.finished", 1), ("switch.started", 1))
_DECLARED = (("build.finished", 1), ("prove.finished", 1), ("switch.started", 1))


def shadow(where: Place, table: str) -> str:
    """The name of a shadow table in a statement. Raises LookupError when there is none."""
    with connected(where.target) as connection:
        found = list(connection.execute(sa.text("SELECT shadow FROM penstock_shadows")).scalars())
    for name in found:
        schema, _, own = name.rpartition(".")
        if own == table or own.endswith(f"__{table}"):
            return databases.qualified(databases.of(where.target, target=True), TableName(own, schema or None))
    raise LookupError(f"no shadow of {table} in {found}")


def _statements(table: str, *texts: str) -> Act:
    """Run statements. {t}: the shadow table, {n}: a random number."""

    def act(where: Place, random: Random) -> None:
        place, number = shadow(where, table), random.randrange(40)
        with connected(where.target) as connection:
            for text in texts:
                databases.execute(connection, text.format(t=place, n=number))
            connection.commit()

    return act


def _trigger(where: Place, random: Random) -> None:
    kind, place = where.target.get_backend_name(), shadow(where, "street")
    made = {
        "postgresql": (
            "CREATE FUNCTION theirs() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
            f"CREATE TRIGGER theirs BEFORE INSERT ON {place} FOR EACH ROW EXECUTE FUNCTION theirs()",
        ),
        "mysql": (f"CREATE TRIGGER theirs BEFORE INSERT ON {place} FOR EACH ROW SET NEW.name = 'theirs'",),
        "sqlite": (f"CREATE TRIGGER theirs AFTER INSERT ON {place} BEGIN DELETE FROM log; END",),
    }
    with connected(where.target) as connection:
        for statement in made[kind]:
            databases.execute(connection, statement)
        connection.commit()


def _index(where: Place, random: Random) -> None:
    """Drop the index of house, whatever it is called."""
    place = shadow(where, "house")
    parts = [p.strip('"`') for p in place.split(".")]
    with connected(where.target) as connection:
        found = sa.inspect(connection).get_indexes(parts[-1], parts[0] if len(parts) > 1 else None)
        (name,) = [i["name"] for i in found if i["column_names"] == ["street"]]
        quoted = connection.dialect.identifier_preparer.quote_identifier(str(name))
        schema = f'"{parts[0]}".' if len(parts) > 1 else ""
        mysql = where.target.get_backend_name() == "mysql"
        if mysql:  # a foreign key keeps its index
            databases.execute(connection, f"ALTER TABLE {place} DROP INDEX {quoted}")
        else:
            databases.execute(connection, f"DROP INDEX {schema}{quoted}")
        connection.commit()


def open_transaction(where: Place, random: Random) -> None:
    """A transaction that has changed rows of a shadow, and commits while the run goes on."""
    place, seconds, began = shadow(where, "street"), random.uniform(0.1, 3), threading.Event()
    failed: list[Exception] = []

    def hold() -> None:
        try:
            with connected(where.target) as connection:
                databases.execute(connection, f"UPDATE {place} SET gen = 77 WHERE id = {random.randrange(40)}")
                began.set()
                time.sleep(seconds)
                connection.commit()
        except Exception as error:
            failed.append(error)
            began.set()

    threading.Thread(target=hold, daemon=True).start()
    began.wait(20)
    if failed:
        raise failed[0]


# ---- evidence


def _evidence(file: str, change: Callable[[object, Random], object]) -> Act:
    def act(where: Place, random: Random) -> None:
        place = where.root / "fire" / "A" / file
        before = json.loads(place.read_text())
        after = change(before, random)
        if after == before:
            raise LookupError(f"{file} has no such field")
        place.write_text(json.dumps(after))

    return act


def _each(value: object, name: str, change: Callable[[object], object]) -> object:
    """The same JSON, with each field called so changed."""
    if isinstance(value, dict):
        return {k: change(v) if k == name else _each(v, name, change) for k, v in value.items()}
    return [_each(v, name, change) for v in value] if isinstance(value, list) else value


def forged_proof(where: Place, random: Random) -> None:
    """Another value in a row of a shadow, and its new seal in proof.json."""
    place = shadow(where, "street")
    parts = [p.strip('"`') for p in place.split(".")]
    database = databases.of(where.target, target=True)
    name = TableName(parts[-1], parts[0] if len(parts) > 1 else None)
    with connected(where.target) as connection:
        before = database.seal(connection, name)
        connection.rollback()
        databases.execute(connection, f"UPDATE {place} SET gen = 77 WHERE id = 5")
        connection.commit()
        after = database.seal(connection, name)
    file = where.root / "fire" / "A" / "proof.json"
    text = file.read_text()
    if not before or str(before) not in text:
        raise LookupError("the seal is not in proof.json")
    file.write_text(text.replace(str(before), str(after)))


def _verdict_removed(where: Place, random: Random) -> None:
    (where.root / "fire" / "A" / "verdicts" / "loaded.json").unlink()


_PROVED = (("prove.finished", 1),)

DAMAGES = (
    Damage("staged file: a bit changed", byte_changed, _STAGED),
    Damage("staged file: truncated", truncated, _STAGED),
    Damage("staged file: removed", removed, _STAGED),
    Damage("staged file: swapped with another", swapped, _STAGED),
    Damage("staged file: written anew with another value", rewritten, _STAGED),
    Damage("staged file: written anew with a row twice", row_doubled, _STAGED),
    Damage("staged file and the hash in its receipt", file_and_receipt, _STAGED),
    Damage("receipt: rows", _receipt(lambda held, _: held.update(rows=int(str(held["rows"])) + 1)), _STAGED),
    Damage("receipt: digest", _receipt(lambda held, random: held.update(digest=_digest(str(held["digest"]), random))), _STAGED),
    Damage("receipt: hash of the file", _receipt(lambda held, _: held.update(sha256="0" * 64)), _STAGED),
    Damage("receipt: removed", receipt_removed, _STAGED),
    Damage("receipt: swapped with another", receipts_swapped, _STAGED),
    Damage("shadow row: inserted", _statements("street", "INSERT INTO {t} (id, gen, name) VALUES (1000, 0, 'theirs')"), _ROWS),
    Damage("shadow row: deleted", _statements("log", "DELETE FROM {t} WHERE said = 'said 3'"), _ROWS),
    Damage("shadow row: changed", _statements("street", "UPDATE {t} SET gen = 77 WHERE id = {n}"), _ROWS),
    Damage("shadow row: doubled", _statements("log", "INSERT INTO {t} (gen, said) VALUES (0, 'said 3')"), _ROWS),
    Damage(
        "shadow rows: two values swapped",
        _statements("street", "UPDATE {t} SET name = CASE id WHEN 1 THEN ' 2' ELSE 'Zoë''s 1' END WHERE id IN (1, 2)"),
        _ROWS,
    ),
    Damage(
        "shadow rows: changed in an open transaction",
        open_transaction,
        (("build.finished", 1), ("prove.started", 1), ("prove.finished", 1)),
        SERVERS,
    ),
    Damage(
        "definition: names of two columns swapped",
        _statements(
            "log",
            "ALTER TABLE {t} RENAME COLUMN gen TO c",
            "ALTER TABLE {t} RENAME COLUMN said TO gen",
            "ALTER TABLE {t} RENAME COLUMN c TO said",
        ),
        _DECLARED,
        definition=True,
    ),
    Damage("definition: column renamed", _statements("log", "ALTER TABLE {t} RENAME COLUMN said TO told"), _DECLARED, definition=True),
    Damage("definition: column dropped", _statements("log", "ALTER TABLE {t} DROP COLUMN said"), _DECLARED, definition=True),
    Damage("definition: column added", _statements("log", "ALTER TABLE {t} ADD COLUMN more INTEGER"), _DECLARED, definition=True),
    Damage(
        "definition: default changed",
        _statements("log", "ALTER TABLE {t} ALTER COLUMN said SET DEFAULT 'theirs'"),
        _DECLARED,
        (*SERVERS, "duckdb"),
        True,
    ),
    Damage("definition: index dropped", _index, _DECLARED, ("postgresql", "sqlite"), True),
    Damage("definition: trigger added", _trigger, _DECLARED, (*SERVERS, "sqlite"), True),
    Damage("evidence: proof.json forged to fit a changed row", forged_proof, _PROVED),
    Damage(
        "evidence: digests in proof.json",
        _evidence("proof.json", lambda held, r: _each(held, "target", lambda v: _digest(str(v), r))),
        _PROVED,
    ),
    Damage(
        "evidence: proof.json says that it does not hold",
        _evidence("proof.json", lambda held, _: _each(held, "holds", lambda _: False)),
        _PROVED,
    ),
    Damage(
        "evidence: a verdict's decision",
        _evidence("verdicts/loaded.json", lambda held, _: _each(held, "decision", lambda _: "closed")),
        _PROVED,
    ),
    Damage(
        "evidence: a verdict's suite",
        _evidence("verdicts/extracted.json", lambda held, _: _each(held, "suite_sha256", lambda _: "0" * 64)),
        _PROVED,
    ),
    Damage("evidence: verdicts removed", _verdict_removed, _PROVED),
)
BY_NAME = {damage.name: damage for damage in DAMAGES}
