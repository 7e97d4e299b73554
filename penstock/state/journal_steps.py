"""What brings a journal from one version to the next, a function a version. The tables are written here as that version has them."""

from __future__ import annotations

import sqlalchemy as sa

from penstock import databases
from penstock.state.journal_tables import long_text, name

_RECEIPTS_2 = sa.Table(
    "penstock_receipts",
    sa.MetaData(),
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


def to_2(connection: sa.Connection) -> None:
    """The key of penstock_receipts has the migration: runs of two migrations may have one id, and tables of one name."""
    table, key = _RECEIPTS_2, sa.inspect(connection).get_pk_constraint(_RECEIPTS_2.name)
    if "migration" in key["constrained_columns"]:
        return
    if databases.of(connection.engine.url, target=True).embedded:  # these can't change a key
        connection.execute(sa.text("CREATE TABLE penstock_receipts_1 AS SELECT * FROM penstock_receipts"))
        connection.execute(sa.text("DROP TABLE penstock_receipts"))
        table.create(connection)
        copy = sa.table("penstock_receipts_1", *(sa.column(c.name) for c in table.columns))
        connection.execute(table.insert().from_select(table.columns.keys(), sa.select(copy)))
        connection.execute(sa.text("DROP TABLE penstock_receipts_1"))
        return
    table.primary_key.name = key["name"]
    if key["constrained_columns"]:  # where DDL commits by itself, a try that was killed may have dropped it
        connection.execute(sa.schema.DropConstraint(table.primary_key))
    connection.execute(sa.schema.AddConstraint(table.primary_key))


def to_3(connection: sa.Connection) -> None:
    """penstock_coverage has the number of the reading that its rows come from; of older rows it is not known."""
    inspector = sa.inspect(connection)
    if inspector.has_table("penstock_coverage") and "reading" not in {c["name"] for c in inspector.get_columns("penstock_coverage")}:
        connection.execute(sa.text("ALTER TABLE penstock_coverage ADD COLUMN reading BIGINT"))
