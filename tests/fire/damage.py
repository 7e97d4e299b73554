"""What can be done to a run between extract and live, by somebody who can write to its staging area or to the target."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from penstock import databases
from penstock.model.schema import TableName
from tests.fire.damage_files import (
    Act,
    byte_changed,
    differing_rows,
    digest,
    file_and_receipt,
    receipt,
    receipt_removed,
    receipts_swapped,
    removed,
    rewritten,
    row_doubled,
    swapped,
    truncated,
)
from tests.fire.damage_shadows import index, open_transaction, shadow, statements, trigger
from tests.fire.place import Place, connected

SERVERS = ("postgresql", "mariadb")
EVERY = (*SERVERS, "sqlite", "duckdb")


@dataclass(frozen=True)
class Damage:
    """One kind of damage. moments: (event, which of them) at which it is done.  on: the targets on which it can be done.

    definition: it changes what declares the tables, and no row.  repair: the run repairs live tables that differ from the source.
    """

    name: str
    act: Act
    moments: tuple[tuple[str, int], ...]
    on: tuple[str, ...] = EVERY
    definition: bool = False
    repair: bool = False


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


_STAGED = (("extract.finished", 3), ("transform.finished", 1), ("prepare.started", 1))
_ROWS = (("load.finished", 1), ("build.finished", 1), ("prove.started", 1), ("prove.finished", 1), ("switch.started", 1))
_DECLARED = (("build.finished", 1), ("prove.finished", 1), ("switch.started", 1))
_PROVED = (("prove.finished", 1),)
_COMPARED = (("compare.finished", 1), ("prove.finished", 1))

DAMAGES = (
    Damage("staged file: a bit changed", byte_changed, _STAGED),
    Damage("staged file: truncated", truncated, _STAGED),
    Damage("staged file: removed", removed, _STAGED),
    Damage("staged file: swapped with another", swapped, _STAGED),
    Damage("staged file: written anew with another value", rewritten, _STAGED),
    Damage("staged file: written anew with a row twice", row_doubled, _STAGED),
    Damage("staged file and the hash in its receipt", file_and_receipt, _STAGED),
    Damage("receipt: rows", receipt(lambda held, _: held.update(rows=int(str(held["rows"])) + 1)), _STAGED),
    Damage("receipt: digest", receipt(lambda held, random: held.update(digest=digest(str(held["digest"]), random))), _STAGED),
    Damage("receipt: hash of the file", receipt(lambda held, _: held.update(sha256="0" * 64)), _STAGED),
    Damage("receipt: removed", receipt_removed, _STAGED),
    Damage("receipt: swapped with another", receipts_swapped, _STAGED),
    Damage("shadow row: inserted", statements("street", "INSERT INTO {t} (id, gen, name) VALUES (1000, 0, 'theirs')"), _ROWS),
    Damage("shadow row: deleted", statements("log", "DELETE FROM {t} WHERE said = 'said 3'"), _ROWS),
    Damage("shadow row: changed", statements("street", "UPDATE {t} SET gen = 77 WHERE id = {n}"), _ROWS),
    Damage("shadow row: doubled", statements("log", "INSERT INTO {t} (gen, said) VALUES (0, 'said 3')"), _ROWS),
    Damage(
        "shadow rows: two values swapped",
        statements("street", "UPDATE {t} SET name = CASE id WHEN 1 THEN ' 2' ELSE 'Zoë''s 1' END WHERE id IN (1, 2)"),
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
        statements(
            "log",
            "ALTER TABLE {t} RENAME COLUMN gen TO c",
            "ALTER TABLE {t} RENAME COLUMN said TO gen",
            "ALTER TABLE {t} RENAME COLUMN c TO said",
        ),
        _DECLARED,
        definition=True,
    ),
    Damage("definition: column renamed", statements("log", "ALTER TABLE {t} RENAME COLUMN said TO told"), _DECLARED, definition=True),
    Damage("definition: column dropped", statements("log", "ALTER TABLE {t} DROP COLUMN said"), _DECLARED, definition=True),
    Damage("definition: column added", statements("log", "ALTER TABLE {t} ADD COLUMN more INTEGER"), _DECLARED, definition=True),
    Damage(
        "definition: default changed",
        statements("log", "ALTER TABLE {t} ALTER COLUMN said SET DEFAULT 'theirs'"),
        _DECLARED,
        (*SERVERS, "duckdb"),
        True,
    ),
    Damage("definition: index dropped", index, _DECLARED, ("postgresql", "sqlite"), True),
    Damage("definition: trigger added", trigger, _DECLARED, (*SERVERS, "sqlite"), True),
    Damage("evidence: proof.json forged to fit a changed row", forged_proof, _PROVED, ("postgresql", "duckdb")),
    Damage(
        "evidence: digests in proof.json",
        _evidence("proof.json", lambda held, r: _each(held, "target", lambda v: digest(str(v), r))),
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
    Damage(
        "evidence: digests in compared.json",
        _evidence("compared.json", lambda held, r: _each(held, "leaving", lambda v: digest(str(v), r))),
        _COMPARED,
        repair=True,
    ),
    Damage("rows to put in place: a value changed", differing_rows, _COMPARED[:1], repair=True),
)
BY_NAME = {damage.name: damage for damage in DAMAGES}
