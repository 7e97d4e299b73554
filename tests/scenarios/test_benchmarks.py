"""The benchmarks measure what they say: the data, the commands, the arithmetic, and one tiny race that really runs."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import duckdb
import pytest
import sqlalchemy as sa

from benchmarks import __main__ as benchmarks
from benchmarks import bed, contestants, data, measure, medians, picture, race, table, tpch

PG, MARIA = ("mariadb", "postgresql"), ("postgresql", "mariadb")
URLS = {
    "postgresql": sa.make_url("postgresql+psycopg://user:pass%2Fword@127.0.0.1:5432/db"),
    "mariadb": sa.make_url("mysql+mysqldb://user:pass%2Fword@127.0.0.1:3306/db"),
    "sqlite": sa.make_url("sqlite:////folder/source.sqlite"),
    "duckdb": sa.make_url("duckdb:////folder/target.duckdb"),
}
TINY = 1000 / 6_000_000


def run(contestant: str, seconds: float, path: bed.Path_ = PG, **more: object) -> race.Run:
    return race.Run(path, contestant, 1.0, 1000, seconds, **more)  # type: ignore[arg-type]


# ---- the data


@pytest.fixture(scope="module")
def connection() -> duckdb.DuckDBPyConnection:
    made_in = duckdb.connect()
    tpch.prepare(made_in)
    for made in tpch.TABLES:
        made_in.execute(tpch.ddl(made, key=True))
        made_in.execute(f"INSERT INTO {made.name} {tpch.select(made, 0.002)}")
    return made_in


def count(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM {sql}").fetchall()[0][0])


def test_a_unit_of_scale_has_the_rows_of_tpch() -> None:
    rows = {t.name: t.rows(1) for t in tpch.TABLES}
    assert rows | {"lineitem": 0} == {
        "region": 5, "nation": 25, "supplier": 10_000, "customer": 150_000, "part": 200_000, "partsupp": 200_000, "orders": 1_500_000, "lineitem": 0,
    }  # fmt: skip


def test_small_tables_are_as_many_as_asked_for_and_have_100_rows_each(connection: duckdb.DuckDBPyConnection) -> None:
    asked = tpch.small(10)
    assert len({t.name for t in asked}) == 10
    assert {count(connection, f"({tpch.select(t, scale)})") for t in asked for scale in (0.03, 1)} == {100}


def test_every_part_has_four_suppliers_and_an_order_one_to_seven_lines(connection: duckdb.DuckDBPyConnection) -> None:
    assert count(connection, "partsupp") == 4 * count(connection, "part")
    assert connection.execute(
        "SELECT min(n), max(n), avg(n)::INT FROM (SELECT count(*) n FROM lineitem GROUP BY l_orderkey)"
    ).fetchall() == [(1, 7, 4)]


@pytest.mark.parametrize(
    ("table", "column", "other", "key"),
    [
        ("lineitem", "l_orderkey", "orders", "o_orderkey"),
        ("lineitem", "l_partkey", "part", "p_partkey"),
        ("lineitem", "l_suppkey", "supplier", "s_suppkey"),
        ("orders", "o_custkey", "customer", "c_custkey"),
        ("partsupp", "ps_suppkey", "supplier", "s_suppkey"),
        ("customer", "c_nationkey", "nation", "n_nationkey"),
    ],
)
def test_every_reference_leads_to_a_row(connection: duckdb.DuckDBPyConnection, table: str, column: str, other: str, key: str) -> None:
    assert count(connection, table) > 0
    assert count(connection, f"{table} WHERE {column} NOT IN (SELECT {key} FROM {other})") == 0


def test_no_text_is_longer_than_its_column(connection: duckdb.DuckDBPyConnection) -> None:
    for made in tpch.TABLES:
        for column, type in made.columns.items():
            if "CHAR" in type:
                assert count(connection, f"{made.name} WHERE length({column}) > {type.split('(')[1][:-1]} OR trim({column}) = ''") == 0, (
                    column
                )


def test_the_same_scale_gives_the_same_rows(tmp_path: Path) -> None:
    texts = []
    for _ in range(2):
        texts.append([file.read_bytes() for _, file in data.pieces(tpch.TABLES, TINY, tmp_path)])
    assert texts[0] == texts[1]
    assert not list(tmp_path.iterdir())


def test_a_source_written_in_pieces_is_the_source_written_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lineitem = tpch.named(["lineitem"])
    whole = b"".join(file.read_bytes() for _, file in data.pieces(lineitem, 0.001, tmp_path))
    monkeypatch.setattr(data, "_PIECE", 97)
    assert b"".join(file.read_bytes() for _, file in data.pieces(lineitem, 0.001, tmp_path)) == whole


@pytest.mark.parametrize("database", ["postgresql", "mariadb"])
def test_every_database_is_given_the_same_rows(request: pytest.FixtureRequest, tmp_path: Path, database: str) -> None:
    url = request.getfixturevalue(f"{database}_url")
    here = sa.URL.create("duckdb", database=str(tmp_path / "x.duckdb"))
    data.write(here, tpch.TABLES, TINY)
    data.write(url, tpch.TABLES, TINY)
    assert bed.contents(url, tpch.TABLES) == bed.contents(here, tpch.TABLES)


# ---- the commands


@pytest.mark.parametrize("name", contestants.names())
def test_a_contestants_command_names_its_databases_and_shows_no_password(name: str, tmp_path: Path) -> None:
    contestant = contestants.of(name)
    assert contestant.paths
    for path in contestant.paths:
        tables = tpch.named(["region", "lineitem"])
        made = contestant.command(contestants.Route(path, URLS[path[0]], URLS[path[1]], tables), tmp_path)
        everything = made.script + json.dumps(dict(made.environment))
        assert "word" not in made.script  # the password: anybody can read a command line
        assert subprocess.run(["bash", "-n", "-c", made.script], check=False).returncode == 0
        for end in path:
            url = URLS[end]
            assert (f"{url.port}" if url.port else str(url.database)) in everything
        if name not in ("pgloader", "pgcopydb"):  # these two move a whole database
            assert "region" in everything
            assert "lineitem" in everything


def test_a_contestant_says_why_it_leaves_a_path_out() -> None:
    for name in ("sling", "dlt", "ingestr"):
        contestant = contestants.of(name)
        assert set(contestant.paths) | set(contestant.excuses) == set(bed.PATHS)
        assert contestant.version()


# ---- measuring


def test_the_memory_of_children_counts_and_that_of_others_does_not(tmp_path: Path) -> None:
    hold = "import time; held = b'x' * (96 << 20); time.sleep(0.6)"
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {hold!r}])"
    alone = measure.run([sys.executable, "-c", "import time; time.sleep(0.3)"], tmp_path)
    both = measure.run([sys.executable, "-c", child], tmp_path)
    assert alone.peak_mb < 60
    assert 96 < both.peak_mb < 200
    assert both.seconds > 0.6


def test_a_command_that_fails_says_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(measure.CommandFailed, match="no such luck"):
        measure.run(["bash", "-c", "echo no such luck >&2; exit 3"], tmp_path)
    with pytest.raises(measure.CommandFailed, match="longer than"):
        measure.run(["sleep", "30"], tmp_path, limit=0.3)


# ---- the arithmetic


def test_medians_ratios_and_rates_are_of_runs_that_count() -> None:
    runs = (
        [run("pipe", s) for s in (1.0, 2.0, 9.0)]
        + [run("penstock", s) for s in (3.0, 3.5, 99.0)]
        + [run("dlt", 1.0), run("dlt", 0.0, problem="no")]
    )
    pipe, penstock = medians.lines(runs)
    assert (pipe.seconds, pipe.ratio, pipe.rate) == (2.0, 1.0, 500.0)
    assert (penstock.seconds, penstock.ratio, penstock.times) == (3.5, 1.75, 3)


def test_a_target_is_met_missed_or_not_measured() -> None:
    shares = {"start": 1.0, "extract": 4.0, "gate_extracted": 0.5, "gate_loaded": 0.3, "prove": 3.0}
    runs = [
        run("pipe", 5.0),
        run("penstock", 10.0, stages=shares, peak_mb=600.0),
        run("pgloader", 19.0),
        run("sling", 40.0),
        run("dlt", 30.0),
    ]
    found = {t.promise.split(": ", 1)[1]: (t.measured, t.met) for t in medians.targets(medians.lines(runs))}
    assert found == {
        "at most 0.5 × pgloader": (10 / 19, False),
        "at most 2 × the pipe with its key": (2.0, True),
        "at most 0.5 × the fastest of sling, dlt and ingestr": (10 / 30, True),
        "at most 0.1 × pandas": (None, None),
        "the proof is at most 25 % of the run": (0.3, False),
        "the gates are at most 10 % of the run": (0.08, True),
        "at most 512 MiB": (600.0, False),
    }


def test_growth_is_held_against_the_smallest() -> None:
    runs = [race.Run(PG, "penstock", 1.0, 1000, 1.0, peak_mb=500.0), race.Run(PG, "penstock", 10.0, 10_000, 11.5, peak_mb=511.0)]
    grown = medians.lines(runs)
    rate, memory = medians.targets([], grown)
    assert (rate.measured, rate.met) == (pytest.approx(0.87, abs=0.01), False)
    assert (memory.measured, memory.met) == (511.0, True)
    assert "87%" in table.growth(grown)


def test_the_table_and_the_picture_show_every_contestant() -> None:
    stages = {"start": 1.0, "extract": 2.0, "gate_extracted": 0.5, "prove": 0.5}
    found = medians.lines([run("pipe", 2.0, MARIA), run("penstock", 4.0, MARIA, stages=stages), run("pandas", 80.0, MARIA)])
    text = table.table(found)
    assert [line.split("|")[2].strip() for line in text.splitlines()[2:]] == [table.name(n) for n in ("pipe", "penstock", "pandas")]
    assert "2.00" in text
    assert "12%" in table.stages(found)
    assert len({len(line) for line in text.splitlines()}) == 1
    drawn = ElementTree.fromstring(picture.svg(found, "<title>"))
    words = [e.text for e in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert all(contestants.of(n).label in words for n in ("pipe", "penstock", "pandas"))
    kinds = picture.kinds(found[1])
    assert sum(kinds.values()) == pytest.approx(4.0)
    assert (kinds["extract"], kinds["gate"], kinds["other"]) == (2.0, 0.5, 1.0)


# ---- the whole


def test_a_tiny_race_is_run_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = ["--svg", str(tmp_path / "x.svg"), "--json", str(tmp_path / "x.json"), "--folder", str(tmp_path)]
    small = ["--scale", str(TINY), "--times", "1", "--paths", "sqlite-duckdb", "--only", "penstock", "penstock_unproved", "pandas"]
    assert benchmarks.main([*small, *files]) == 0
    told = capsys.readouterr().out
    assert "Penstock, gates and proof on" in told
    assert "at most 0.1 × pandas" in told
    runs = json.loads((tmp_path / "x.json").read_text())["runs"]
    assert {r["contestant"]: r["problem"] for r in runs} == {"penstock": "", "penstock_unproved": "", "pandas": ""}
    assert all(900 < r["rows"] < 1100 and r["seconds"] > 0 and r["peak_mb"] > 20 for r in runs)
    assert {"extract", "gate_loaded", "prove", "switch"} <= set(next(r for r in runs if r["stages"])["stages"])
    ElementTree.parse(tmp_path / "x.svg")


def test_a_race_that_is_stopped_leaves_nothing_running_and_no_files(tmp_path: Path) -> None:
    small = [
        "--scale",
        "0.02",
        "--times",
        "9",
        "--paths",
        "sqlite-duckdb",
        "--only",
        "pandas",
        "--folder",
        str(tmp_path),
        "--svg",
        str(tmp_path / "x"),
    ]
    with subprocess.Popen([sys.executable, "-m", "benchmarks", *small], cwd=contestants.ROOT, stderr=subprocess.DEVNULL) as stopped:
        running = ["pgrep", "-f", f"move_with_pandas.*{tmp_path}"]  # the contestant, which has a session of its own
        for _ in range(300):
            if subprocess.run(running, stdout=subprocess.DEVNULL, check=False).returncode == 0:
                break
            time.sleep(0.1)
        else:
            pytest.fail("it never began")
        stopped.terminate()
        assert stopped.wait(30) == 143
    assert subprocess.run(running, stdout=subprocess.DEVNULL, check=False).returncode == 1
    assert not list(tmp_path.iterdir())


def test_rows_that_did_not_arrive_are_a_failure_not_a_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lineitem = tpch.named(["lineitem"])
    lazy = "import duckdb, sys; duckdb.connect(sys.argv[1]).execute(sys.argv[2])"

    def command(route: contestants.Route, folder: Path) -> contestants.Command:
        return contestants.Command(contestants.joined(sys.executable, "-c", lazy, route.target.database, tpch.ddl(lineitem[0], key=True)))

    monkeypatch.setattr(contestants.of("pipe"), "command", command)
    (found,) = race.race(bed.Bed(tmp_path, {}), [("sqlite", "duckdb")], ["pipe"], lineitem, [TINY], 3, lambda _: None)
    assert "arrived of" in found.problem
    assert medians.lines([found]) == []
