"""An error that nobody foresaw names the stage, the statement and the server's words, and never a value."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from penstock.state import unforeseen


def raised(*statements: str) -> sa.exc.DBAPIError:
    """The error that the last of these statements fails with."""
    engine = sa.create_engine("sqlite://")
    with engine.connect() as connection:
        for statement in statements[:-1]:
            connection.exec_driver_sql(statement)
        with pytest.raises(sa.exc.DBAPIError) as found:
            connection.exec_driver_sql(statements[-1])
    return found.value


def test_it_names_stage_statement_and_words() -> None:
    found = unforeseen.fault(raised("CREATE TABLE t (a INT)", "CREATE TABLE t (b INT)"), "prepare")
    assert found is not None
    assert found.where == "stage prepare, statement: CREATE TABLE t (b INT)"
    assert found.why.endswith("table t already exists") and "report it" in found.fix


def test_it_shows_no_value_of_a_statement_or_of_the_server() -> None:
    found = unforeseen.fault(raised("SELECT nothing FROM (SELECT 'secret' AS a) WHERE a = 'hidden'"), "prove")
    assert found is not None and "secret" not in str(found) and "hidden" not in str(found)
    error = sa.exc.DataError("INSERT INTO t (a) VALUES (?)", None, ValueError("Incorrect value 'secret' for column 'a', “hidden”"))
    told = unforeseen.fault(error, "load")
    assert told is not None and told.why == "ValueError: Incorrect value a value for column 'a', a value"


def test_other_errors_are_left_alone() -> None:
    assert unforeseen.fault(ValueError("secret"), "load") is None
