"""The tables of the journal, in the target database. penstock/state/journal_version.py makes them, and brings older ones up to date.

penstock_journal   the versions that the journal has had; the highest is its version
penstock_shadows   which run a shadow belongs to
penstock_receipts  by run, table, stage and number: chunks loaded, tables proved, statements built, re-drives
penstock_switches  switches and their undoing, with the evidence they were made on
penstock_coverage  what of each table is proven, and by which run
penstock_pending   how many rows of a covered interval wait for another interval
penstock_readings  the number of each reading of the source: of two readings, the one with the higher number began later
penstock_leases    which process works on a run, or on a part of it
penstock_turns     a row a migration, locked by the one run that is switching
penstock_approvals the one approval that counts for all runs of a backfill: which run asks for it, and the answer
penstock_evidence  the hash of each evidence file of a run
penstock_streams   of each run of a live migration, how far the source's changes were read, staged and applied
penstock_keys      the random part of the key of each run whose staged rows are encrypted
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles

from penstock import databases
from penstock.databases import generic

METADATA = sa.MetaData()
"""All tables of the journal."""


class _Exact(sa.String):
    """A text of any script, in which case and accents count, whatever the target's own defaults are."""


@compiles(_Exact)
def _declared(type_: _Exact, compiler: Any, **_: object) -> str:
    """The type in a CREATE TABLE, as the target's database says."""
    database = databases.named(compiler.dialect.name) or generic.DATABASE
    return str(compiler.process(database.text_type(type_.length)))


def name(length: int) -> _Exact:
    """A name of at most so many characters."""
    return _Exact(length)


long_text = _Exact()
"""A text of any length."""

VERSIONS = sa.Table(
    "penstock_journal",
    METADATA,
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", sa.String(40), nullable=False),
    sa.Column("software", sa.String(40), nullable=False),
)
SHADOWS = sa.Table(
    "penstock_shadows",
    METADATA,
    sa.Column("shadow", name(250), primary_key=True),
    sa.Column("migration", name(40), nullable=False),
    sa.Column("run", name(280), nullable=False),
)
RECEIPTS = sa.Table(
    "penstock_receipts",
    METADATA,
    sa.Column("run", name(250), primary_key=True),
    sa.Column("table_name", name(250), primary_key=True),
    sa.Column("stage", sa.String(16), primary_key=True),
    sa.Column("chunk", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("migration", name(40), primary_key=True),
    sa.Column("row_count", sa.BigInteger, nullable=False),
    sa.Column("digest", sa.String(80), nullable=False),
    sa.Column("at", sa.String(40), nullable=False),
    sa.Column("receipt", long_text, nullable=False),
)
SWITCHES = sa.Table(
    "penstock_switches",
    METADATA,
    sa.Column("token", sa.String(16), primary_key=True),
    sa.Column("migration", name(40), nullable=False),
    sa.Column("run", name(250), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("at", sa.String(40), nullable=False),
    sa.Column("keep_until", sa.String(40), nullable=False),
    sa.Column("position", long_text, nullable=True),
    sa.Column("moves", long_text, nullable=False),
    sa.Column("replaced", long_text, nullable=False),
    sa.Column("evidence", long_text, nullable=False),
)
COVERAGE = sa.Table(
    "penstock_coverage",
    METADATA,
    sa.Column("migration", name(40), primary_key=True),
    sa.Column("table_name", name(250), primary_key=True),
    sa.Column("low", sa.String(40), primary_key=True),
    sa.Column("high", sa.String(40), primary_key=True),
    sa.Column("run", name(250), nullable=False),
    sa.Column("token", sa.String(16), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("row_count", sa.BigInteger, nullable=False),
    sa.Column("digest", sa.String(80), nullable=False),
    sa.Column("rows_read", sa.BigInteger, nullable=False),
    sa.Column("source", sa.String(80), nullable=False),
    sa.Column("read_at", sa.String(40), nullable=False),
    sa.Column("at", sa.String(40), nullable=False),
    sa.Column("why", long_text, nullable=False),
    sa.Column("watermark", sa.String(40), nullable=False),
    sa.Column("whole_at", sa.String(40), nullable=False),
    sa.Column("reading", sa.BigInteger, nullable=True),
)
READINGS = sa.Table(
    "penstock_readings",
    METADATA,
    sa.Column("migration", name(40), primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("run", name(250), nullable=False),
    sa.Column("at", sa.String(40), nullable=False),
)
PENDING = sa.Table(
    "penstock_pending",
    METADATA,
    sa.Column("migration", name(40), primary_key=True),
    sa.Column("table_name", name(250), primary_key=True),
    sa.Column("low", sa.String(40), primary_key=True),
    sa.Column("high", sa.String(40), primary_key=True),
    sa.Column("row_count", sa.BigInteger, nullable=False),
)
LEASES = sa.Table(
    "penstock_leases",
    METADATA,
    sa.Column("migration", name(40), primary_key=True),
    sa.Column("run", name(250), primary_key=True),
    sa.Column("place", name(250), primary_key=True),
    sa.Column("token", sa.String(16), nullable=False),
    sa.Column("shared", sa.SmallInteger, nullable=False),
    sa.Column("since", sa.Double, nullable=False),
    sa.Column("until", sa.Double, nullable=False),
    sa.Column("holder", long_text, nullable=False),
    sa.Column("ends", long_text, nullable=False),
)
TURNS = sa.Table(
    "penstock_turns",
    METADATA,
    sa.Column("migration", name(40), primary_key=True),
    sa.Column("turn", sa.BigInteger, nullable=False),
)
APPROVALS = sa.Table(
    "penstock_approvals",
    METADATA,
    sa.Column("migration", name(40), primary_key=True),
    sa.Column("backfill", name(80), primary_key=True),
    sa.Column("run", name(250), nullable=False),
    sa.Column("asked_at", sa.String(40), nullable=False),
    sa.Column("answer", sa.String(16), nullable=False),
    sa.Column("by", name(250), nullable=False),
    sa.Column("at", sa.String(40), nullable=False),
    sa.Column("rejected", sa.BigInteger, nullable=False),
    sa.Column("warned", long_text, nullable=False),
)
EVIDENCE = sa.Table(
    "penstock_evidence",
    METADATA,
    sa.Column("migration", name(40), primary_key=True),
    sa.Column("run", name(250), primary_key=True),
    sa.Column("name", name(40), primary_key=True),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("at", sa.String(40), nullable=False),
)
KEYS = sa.Table(
    "penstock_keys",
    METADATA,
    sa.Column("migration", name(40), primary_key=True),
    sa.Column("run", name(250), primary_key=True),
    sa.Column("random", sa.String(64), nullable=False),
    sa.Column("area", sa.String(64), nullable=False),
    sa.Column("at", sa.String(40), nullable=False),
)
STREAMS = sa.Table(
    "penstock_streams",
    METADATA,
    sa.Column("migration", name(40), primary_key=True),
    sa.Column("run", name(250), primary_key=True),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("slot", name(250), nullable=False),
    sa.Column("publication", name(250), nullable=False),
    sa.Column("server", name(250), nullable=False),
    sa.Column("shapes", long_text, nullable=False),
    sa.Column("kept", long_text, nullable=False),
    sa.Column("received", sa.BigInteger, nullable=False),
    sa.Column("staged", sa.BigInteger, nullable=False),
    sa.Column("applied", sa.BigInteger, nullable=False),
    sa.Column("round", sa.BigInteger, nullable=False),
    sa.Column("changes", sa.BigInteger, nullable=False),
    sa.Column("committed_at", sa.BigInteger, nullable=False),
    sa.Column("at", sa.String(40), nullable=False),
)
