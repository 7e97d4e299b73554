"""Damage to shadow tables, their rows and their definitions, by somebody who can write to the target."""

from __future__ import annotations

import threading
import time
from random import Random

import sqlalchemy as sa

from penstock import databases
from penstock.model.schema import TableName
from tests.fire.damage_files import Act
from tests.fire.place import Place, connected


def shadow(where: Place, table: str) -> str:
    """The name of a shadow table in a statement. Raises LookupError when there is none."""
    with connected(where.target) as connection:
        found = list(connection.execute(sa.text("SELECT shadow FROM penstock_shadows")).scalars())
    for name in found:
        schema, _, own = name.rpartition(".")
        if own == table or own.endswith(f"__{table}"):
            return databases.qualified(databases.of(where.target, target=True), TableName(own, schema or None))
    raise LookupError(f"no shadow of {table} in {found}")


def statements(table: str, *texts: str) -> Act:
    """Run statements. {t}: the shadow table, {n}: a random number."""

    def act(where: Place, random: Random) -> None:
        place, number = shadow(where, table), random.randrange(40)
        with connected(where.target) as connection:
            for text in texts:
                databases.execute(connection, text.format(t=place, n=number))
            connection.commit()

    return act


def trigger(where: Place, random: Random) -> None:
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


def index(where: Place, random: Random) -> None:
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
