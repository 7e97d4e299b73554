"""The shadows of a run when their rows are proved: marks by which a later change is found, and what of their schema was not planned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from penstock.databases._shared import definition
from penstock.errors import GateClosed
from penstock.model.schema_facts import View, facts
from penstock.planning import schema_proof, switch_kinds
from penstock.runtime.formatting import count
from penstock.state import evidence, recorded
from penstock.state.evidence import Built, SchemaProof
from penstock.state.run_context import RunContext


@dataclass(frozen=True)
class ShadowFacts:
    """By table. seal, definition: of the shadow now.  schema: what of it is not as planned.  flaw: what breaks its proof, in words."""

    seal: str | None
    definition: Mapping[str, str]
    schema: SchemaProof
    flaw: str


def read(context: RunContext, connection: sa.Connection) -> dict[str, ShadowFacts]:
    """Look at the shadows before their rows are read: what changes meanwhile breaks the proof or the seal. In the caller's transaction.

    Raises GateClosed when a shadow or a column of one is not there: its rows can't be read.
    """
    target, found = context.target, dict[str, ShadowFacts]()
    built = recorded.find(context, connection, evidence.BUILT) or {}
    marks = {t.name: (target.seal(connection, t.shadow), target.definition(connection, t.shadow)) for t in context.plan.tables}
    schemas = _schemas(context, connection, built)
    _refuse_unreadable(schemas)
    for table in context.plan.tables:
        seal, defined = marks[table.name]
        was = built.get(table.name)
        changes = definition.changed(was.definition, defined) if was else []
        flaw = f"the definition of the shadow table has changed since it was built: {'; '.join(changes[:10])}" if changes else ""
        found[table.name] = ShadowFacts(seal, defined, schemas[table.name], flaw or _unplanned(schemas[table.name]))
    return found


def _schemas(context: RunContext, connection: sa.Connection, built: Mapping[str, Built]) -> dict[str, SchemaProof]:
    """By table, what its shadow is beside the plan; what the live table is, where that stays."""
    target, tables = context.target, context.plan.tables
    staying = [t for t in tables if switch_kinds.keeps_live(t)]
    found = schema_proof.read(target, connection, [t.target.name if t in staying else t.shadow for t in tables])
    proofs = {}
    for table in tables:
        was, objects = built.get(table.name), len(facts(table.target, View()))
        if table in staying:
            proofs[table.name] = SchemaProof(objects, drift=schema_proof.drift(table, found.get(table.target.name), target))
            continue
        unannounced = schema_proof.differences(table, tables, was.shadow if was else None, found.get(table.shadow), target)
        proofs[table.name] = SchemaProof(objects, unannounced)
    return proofs


def _refuse_unreadable(schemas: Mapping[str, SchemaProof]) -> None:
    """Raise GateClosed when a shadow or a column of one is not there: its rows can't be read."""
    found = {t: s.unannounced for t, s in schemas.items() if any(d.object in ("table", "column") and not d.property for d in s.unannounced)}
    if found:
        raise GateClosed(
            f"the proof does not hold for {', '.join(found)}",
            why="the target's tables are not those that were planned",
            fix="the shadow tables are kept for a look; a new run loads them again",
            stage="proof",
            failed=[f"{table}: {difference}" for table, differences in found.items() for difference in differences],
        )


def _unplanned(schema: SchemaProof) -> str:
    found = len(schema.unannounced)
    return f"the schema is not as planned: {count(found, 'difference')} that `penstock check` did not announce" if found else ""
