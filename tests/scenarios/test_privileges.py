"""A right that is missing is named by check, with the statement that grants it: after that statement the check is clean and the run works."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from penstock import databases
from penstock.errors import Problem
from penstock.migration.loader import load
from penstock.stages import plan
from tests.support.requests import ran, request


@dataclass(frozen=True)
class Ends:
    """A migration between two servers' users of their own, and the administrator who grants them what they lack."""

    folder: Path
    admin: sa.Engine
    source: sa.URL
    target: sa.URL
    words: dict[str, str]
    extra: str = ""

    def said(self, text: str) -> str:
        return text.format(**self.words)

    def do(self, *statements: str) -> None:
        with self.admin.connect() as connection:
            for statement in statements:
                databases.execute(connection, statement)
            connection.commit()

    def migration(self):  # type: ignore[no-untyped-def]
        file = self.folder / "m.yaml"
        file.write_text(f"name: m\nsource: given\ntarget: given\nconnections: 2\n{self.said(self.extra)}")
        return load(file)

    def check(self, estimate: bool = False) -> list[Problem]:
        return list(
            plan.preflight(request(self.migration(), "r", "", self.source, self.target, self.folder / "none"), estimate=estimate).problems
        )

    def run(self, name: str) -> None:
        ran(self.migration(), name, str(self.folder / "staging"), self.source, self.target, self.folder / "none")


def granted(ends: Ends, lacking: str, blocking: bool = True) -> None:
    """`lacking` is named with its statement, which is run; after it nothing blocks."""
    found = [p for p in ends.check() if p.area == "privileges" and p.blocking == blocking]
    assert [p.fix.split("; or")[0] for p in found] == [ends.said(lacking)], found
    ends.do(*(s for p in found for s in p.fix.split("; or")[0].split("; ")))
    left = [p for p in ends.check() if p.blocking or p.area == "privileges"]
    assert not left, left


@pytest.fixture
def postgresql(postgresql_url: sa.URL, tmp_path: Path) -> Iterator[Ends]:
    """Tables in `old "s"`, one of them live already in `new "s"`; a reader and a writer who have just the rights they need."""
    mark = secrets.token_hex(3)
    words = {who: f'"{who} "" {mark}"' for who in ("reader", "writer", "owner")} | {"db": f'"{postgresql_url.database}"'}
    words |= {"old": '"old ""s"""', "new": '"new ""s"""'}
    words["db"] = str(postgresql_url.database)
    admin = sa.create_engine(postgresql_url, poolclass=sa.pool.NullPool)
    users = {who: postgresql_url.set(username=f'{who} " {mark}', password="p") for who in ("reader", "writer")}
    ends = Ends(tmp_path, admin, users["reader"], users["writer"], words, "source_schema: 'old \"s\"'\ntarget_schema: 'new \"s\"'\n")
    ends.do(
        *(ends.said(f"CREATE ROLE {{{who}}} LOGIN PASSWORD 'p'") for who in ("reader", "writer", "owner")),
        *map(
            ends.said,
            (
                "CREATE SCHEMA {old}",
                "CREATE SCHEMA {new}",
                "CREATE TABLE {old}.a (id int PRIMARY KEY, t text)",
                'CREATE TABLE {old}."b ""%s""" (id int PRIMARY KEY, a int REFERENCES {old}.a)',
                "INSERT INTO {old}.a SELECT n, 'x' FROM generate_series(1, 50) n",
                'INSERT INTO {old}."b ""%s""" SELECT n, n FROM generate_series(1, 50) n',
                "CREATE TABLE {new}.a (id int PRIMARY KEY, t text)",
                "ALTER TABLE {new}.a OWNER TO {owner}",
                "GRANT USAGE ON SCHEMA {old} TO {reader}",
                "GRANT SELECT ON ALL TABLES IN SCHEMA {old} TO {reader}",
                "GRANT CREATE ON DATABASE {db} TO {writer}",
                "GRANT USAGE, CREATE ON SCHEMA {new} TO {writer}",
                "GRANT USAGE, CREATE ON SCHEMA public TO {writer}",
                "GRANT USAGE, CREATE ON SCHEMA {new} TO {owner}",
                "GRANT {owner} TO {writer}",
            ),
        ),
    )
    yield ends
    with admin.connect() as connection:
        for who in ("reader", "writer", "owner"):
            databases.execute(connection, ends.said(f"DROP OWNED BY {{{who}}} CASCADE"))
        connection.commit()
        for who in ("reader", "writer", "owner"):
            databases.execute(connection, ends.said(f"DROP ROLE {{{who}}}"))
        connection.commit()
    admin.dispose()


POSTGRESQL = {
    "schema of the source": ("REVOKE USAGE ON SCHEMA {old} FROM {reader}", "GRANT USAGE ON SCHEMA {old} TO {reader}"),
    "one table": ('REVOKE SELECT ON {old}."b ""%s""" FROM {reader}', 'GRANT SELECT ON TABLE {old}."b ""%s""" TO {reader}'),
    "rows": ("ALTER TABLE {old}.a ENABLE ROW LEVEL SECURITY", "ALTER ROLE {reader} BYPASSRLS"),
    "a shared snapshot": (
        "REVOKE EXECUTE ON FUNCTION pg_catalog.pg_export_snapshot() FROM PUBLIC",
        "GRANT EXECUTE ON FUNCTION pg_catalog.pg_export_snapshot() TO {reader}",
    ),
    "the database": ("REVOKE CREATE ON DATABASE {db} FROM {writer}", "GRANT CREATE ON DATABASE {db} TO {writer}"),
    "schema of the target": (
        "DROP TABLE {new}.a; REVOKE {owner} FROM {writer}; REVOKE CREATE ON SCHEMA {new} FROM {writer}",
        "GRANT USAGE, CREATE ON SCHEMA {new} TO {writer}",
    ),
    "using that schema": (
        "DROP TABLE {new}.a; REVOKE {owner} FROM {writer}; REVOKE USAGE ON SCHEMA {new} FROM {writer}",
        "GRANT USAGE ON SCHEMA {new} TO {writer}",
    ),
    "the journal's schema": ("REVOKE CREATE ON SCHEMA public FROM {writer}", "GRANT USAGE, CREATE ON SCHEMA public TO {writer}"),
    "owning what is moved": ("REVOKE {owner} FROM {writer}", "GRANT {owner} TO {writer}"),
    "owning it afterwards": ("REVOKE CREATE ON SCHEMA {new} FROM {owner}", "GRANT CREATE ON SCHEMA {new} TO {owner}"),
}


@pytest.mark.parametrize("revoked", POSTGRESQL)
def test_what_a_user_of_postgresql_lacks_is_named_with_its_grant(postgresql: Ends, revoked: str) -> None:
    taken, grant = POSTGRESQL[revoked]
    postgresql.do(postgresql.said(taken))
    granted(postgresql, grant)
    postgresql.run("r1")
    with postgresql.admin.connect() as connection:
        assert connection.scalar(sa.text(postgresql.said("SELECT count(*) FROM {new}.a"))) == 50


def test_with_all_rights_nothing_is_said_of_them(postgresql: Ends) -> None:
    found = postgresql.check(estimate=True)
    assert not [p for p in found if p.blocking or p.area in ("privileges", "values", "settings")], found


def test_someone_elses_journal_is_named_with_its_grant(postgresql: Ends) -> None:
    theirs = replace(postgresql, target=postgresql.admin.url)
    theirs.run("first")
    # what that run made live, and its shadows' schema, belong to another now as well
    assert {p.fix for p in postgresql.check() if p.blocking} >= {
        postgresql.said(
            "GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE public.penstock_approvals, public.penstock_coverage, public.penstock_evidence,"
            " public.penstock_journal, public.penstock_keys, public.penstock_leases, public.penstock_pending, public.penstock_readings,"
            " public.penstock_receipts, public.penstock_shadows, public.penstock_streams, public.penstock_switches, public.penstock_turns TO {writer}"
        )
    }


def test_a_user_with_no_rights_at_all_is_told_the_way_to_a_run(postgresql: Ends) -> None:
    postgresql.do(*(postgresql.said(f"DROP OWNED BY {{{who}}}") for who in ("reader", "writer")))
    postgresql.do(postgresql.said("REVOKE {owner} FROM {writer}"))
    said = []
    for _ in range(4):
        wanted = [p.fix for p in postgresql.check() if p.blocking]
        if not wanted:
            break
        postgresql.do(*wanted)
        said += wanted
    assert not [p for p in postgresql.check() if p.blocking] and len(said) >= 5, said
    postgresql.run("r1")


def test_a_user_who_may_not_even_use_public_is_told_so(postgresql: Ends) -> None:
    """No schema is named anywhere: without USAGE there is none that the connection would choose."""
    postgresql.do("REVOKE ALL ON SCHEMA public FROM PUBLIC", postgresql.said("REVOKE ALL ON SCHEMA public FROM {writer}"))
    bare = replace(postgresql, extra="source_schema: 'old \"s\"'\n")
    said = []
    while wanted := [p.fix for p in bare.check() if p.blocking]:
        said += wanted
        bare.do(*wanted)
    assert said == list(map(bare.said, ("GRANT USAGE ON SCHEMA public TO {writer}", "GRANT USAGE, CREATE ON SCHEMA public TO {writer}")))
    bare.run("r1")


@pytest.fixture
def mariadb(mariadb_server: sa.URL, tmp_path: Path) -> Iterator[Ends]:
    """Tables in one database, to be moved to another; a reader and a writer who have just the rights they need."""
    mark = secrets.token_hex(3)
    words = {who: f"'{who} '' {mark}'@'%'" for who in ("reader", "writer")}
    # not called test_...: there PUBLIC may do anything
    words |= {"old": f"`old{mark}`", "new": f"`new_{mark}`", "pattern": f"`new\\_{mark}`"}
    admin = sa.create_engine(mariadb_server, poolclass=sa.pool.NullPool)
    source = mariadb_server.set(username=f"reader ' {mark}", password="p", database=f"old{mark}")
    ends = Ends(tmp_path, admin, source, source.set(username=f"writer ' {mark}", database=f"new_{mark}"), words)
    rights = "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, ALTER, INDEX, REFERENCES"
    ends.do(
        *map(
            ends.said,
            (
                "CREATE DATABASE {new} CHARACTER SET utf8mb4",
                "CREATE USER {reader} IDENTIFIED BY 'p'",
                "CREATE USER {writer} IDENTIFIED BY 'p'",
                "CREATE DATABASE {old} CHARACTER SET utf8mb4",
                "USE {old}",
                "CREATE TABLE a (id int PRIMARY KEY, t text)",
                "CREATE TABLE `b %s` (id int PRIMARY KEY, a int, FOREIGN KEY (a) REFERENCES a (id))",
                "INSERT INTO a SELECT seq, 'x' FROM seq_1_to_50",
                "INSERT INTO `b %s` SELECT seq, seq FROM seq_1_to_50",
                "GRANT SELECT, SHOW VIEW, TRIGGER ON {old}.* TO {reader}",
                "GRANT RELOAD ON *.* TO {reader}",
                f"GRANT {rights} ON {{pattern}}.* TO {{writer}}",
            ),
        )
    )
    yield ends
    ends.do(*map(ends.said, ("DROP USER {reader}", "DROP USER {writer}", "DROP DATABASE {new}", "DROP DATABASE {old}")))
    admin.dispose()


MARIADB = {
    "one table": (
        ("REVOKE ALL ON {old}.* FROM {reader}", "GRANT SELECT ON {old}.a TO {reader}", "GRANT INSERT ON {old}.`b %s` TO {reader}"),
        "GRANT SELECT ON {old}.`b %s` TO {reader}",
    ),
    **{
        right: ((f"REVOKE {right} ON {{pattern}}.* FROM {{writer}}",), f"GRANT {right} ON {{pattern}}.* TO {{writer}}")
        for right in ("SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "ALTER", "INDEX", "REFERENCES")
    },
}


@pytest.mark.parametrize("revoked", MARIADB)
def test_what_a_user_of_mariadb_lacks_is_named_with_its_grant(mariadb: Ends, revoked: str) -> None:
    taken, grant = MARIADB[revoked]
    mariadb.do(*map(mariadb.said, taken))
    found = [p for p in mariadb.check() if p.blocking]
    assert [p.fix for p in found] == [mariadb.said(grant)], found
    mariadb.do(*(p.fix for p in found))
    assert not [p for p in mariadb.check() if p.blocking]
    mariadb.run("r1")
    with mariadb.admin.connect() as connection:
        assert connection.scalar(sa.text(mariadb.said("SELECT count(*) FROM {new}.a"))) == 50


def test_a_reader_who_can_not_hold_writers_is_told_that_one_connection_reads(mariadb: Ends) -> None:
    mariadb.do(mariadb.said("REVOKE RELOAD ON *.* FROM {reader}"))
    granted(mariadb, "GRANT RELOAD ON *.* TO {reader}", blocking=False)


def test_a_reader_with_select_alone_is_told_what_can_not_be_seen(mariadb: Ends) -> None:
    mariadb.do(mariadb.said("REVOKE SHOW VIEW, TRIGGER ON {old}.* FROM {reader}"))
    assert any("foreign key b %s_ibfk_1" in p.what and "can't be seen" in p.what for p in mariadb.check())
    mariadb.run("r1")
    granted(mariadb, "GRANT SHOW VIEW, TRIGGER ON {old}.* TO {reader}", blocking=False)
    assert not any("can't be seen" in p.what for p in mariadb.check())


def test_with_all_rights_nothing_is_said_and_what_can_not_be_tried_is(mariadb: Ends) -> None:
    found = plan.preflight(request(mariadb.migration(), "r", "", mariadb.source, mariadb.target, mariadb.folder / "none"), estimate=True)
    assert {p.what.split(": ")[0] for p in found.problems} <= {"not carried"} and found.estimate  # grants at the source
    assert found.estimate.basis.endswith("loading could not be measured")  # which takes CREATE TEMPORARY TABLES
    mariadb.do(mariadb.said("GRANT CREATE TEMPORARY TABLES ON {pattern}.* TO {writer}"))
    found = plan.preflight(request(mariadb.migration(), "r", "", mariadb.source, mariadb.target, mariadb.folder / "none"), estimate=True)
    assert {p.what.split(": ")[0] for p in found.problems} <= {"not carried"}
    assert found.estimate and "and loaded at" in found.estimate.basis


def test_rights_through_a_role_count(mariadb: Ends) -> None:
    role = "r" + secrets.token_hex(3)
    mariadb.do(
        f"CREATE ROLE {role}",
        mariadb.said(f"GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, ALTER, INDEX, REFERENCES ON {{new}}.* TO {role}"),
        mariadb.said("REVOKE ALL PRIVILEGES, GRANT OPTION FROM {writer}"),
        mariadb.said(f"GRANT {role} TO {{writer}}"),
        mariadb.said(f"SET DEFAULT ROLE {role} FOR {{writer}}"),
    )
    found = [p for p in mariadb.check() if p.blocking]
    mariadb.do(f"DROP ROLE {role}")
    assert not found, found
