"""A live migration on the command line, from its run to its switch."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from penstock.cli import commands
from tests.support.live import Live


def test_a_live_migration_is_run_followed_proved_and_switched_by_commands(shop: Live, capsys: pytest.CaptureFixture[str]) -> None:
    shop.do("CREATE TABLE t (id serial PRIMARY KEY, a text)", "INSERT INTO t (a) SELECT 'x' FROM generate_series(1, 100)")
    shop.migration()
    file, staging = str(shop.folder / "shop.yaml"), ["--staging", shop.root]

    def said(*arguments: str, code: int = 0) -> str:
        assert commands.main([*arguments, file, *staging]) == code
        return capsys.readouterr().out

    said("run", "--run-id", "r1")
    assert json.loads((Path(shop.root) / "shop" / "r1" / "report.json").read_text())["outcome"] == "proved, not switched"
    shop.do("INSERT INTO t (a) VALUES ('new')")
    done = json.loads(said("follow", "--prove", "--json"))
    assert (done["changes"], done["reached"], done["run"]) == (1, True, "r1")
    assert "0 changes applied in 0 rounds; 0.00 s" in said("follow", "--for", "1s")
    said("follow", "--until-current", "--prove", "kept")
    said("run", code=0)  # nothing is loaded anew
    assert shop.same("t")
    said("switch", "--cancel")
    said("switch", "--within", "1m")
    assert shop.target.execute("SELECT count(*) FROM t").fetchone() == (101,)
    report = json.loads((Path(shop.root) / "shop" / "r1" / "report.json").read_text())
    assert report["outcome"] == "switched" and [(t["table"], t["rows_loaded"], t["proof"]) for t in report["tables"]] == [
        ("t", 101, "holds")
    ], report["tables"]
    said("follow", code=4)


def test_a_run_that_is_not_live_is_not_followed(shop: Live, capsys: pytest.CaptureFixture[str]) -> None:
    shop.do("CREATE TABLE t (id int PRIMARY KEY)")
    shop.more = {"live": False}
    shop.loaded()
    assert commands.main(["follow", str(shop.folder / "shop.yaml"), "--staging", shop.root]) == 1
    assert "is not live" in capsys.readouterr().err


def test_the_command_gives_a_run_up(shop: Live, capsys: pytest.CaptureFixture[str]) -> None:
    shop.do("CREATE TABLE t (id int PRIMARY KEY)")
    shop.loaded()
    command = ["follow", str(shop.folder / "shop.yaml"), "--staging", shop.root]
    assert commands.main([*command, "--end"]) == 0 and "the run r1 is given up" in capsys.readouterr().out
    slots = "SELECT count(*) FROM pg_replication_slots WHERE database = current_database()"
    assert shop.source.execute(slots).fetchone() == (0,)
    assert commands.main(command) == 4 and "has ended" in capsys.readouterr().err
