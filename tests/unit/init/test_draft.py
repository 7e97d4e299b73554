"""The file that `penstock init` writes: it reads back as what was decided, whatever names and reasons are."""

from __future__ import annotations

from pathlib import Path

import yaml
from hypothesis import given
from hypothesis import strategies as st

from penstock.errors import Remedy
from penstock.init.draft import Decision, Draft
from penstock.migration.loader import load

NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20).filter(lambda n: n not in ("include", "exclude"))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


def changes(table: str) -> st.SearchStrategy[Remedy]:
    casts = st.builds(lambda column: {"cast": {column: "string"}}, NAMES)
    steps = st.lists(casts, min_size=1, max_size=2).map(lambda made: Remedy(table, {"transform": made}))
    columns = st.lists(NAMES, min_size=1, max_size=3, unique=True).map(lambda made: Remedy(table, {"sensitive": made}))
    return st.one_of(steps, columns, st.just(Remedy(table, exclude=True)))


DECISIONS = NAMES.flatmap(
    lambda table: st.builds(Decision, TEXTS, st.lists(changes(table), min_size=1, max_size=3).map(tuple), st.booleans())
)


@given(st.lists(DECISIONS, max_size=4))
def test_the_file_declares_what_was_decided_and_no_comment_changes_it(decisions: list[Decision]) -> None:
    draft = Draft("shop", "from", "to", ("a head\nwith: a line break",), tuple(decisions))
    read = yaml.safe_load(draft.text())
    read["tables"] = {name: section for name, section in read["tables"].items() if section is not None}
    assert read == draft.document()


def test_steps_that_were_decided_later_come_first_and_lists_are_joined(tmp_path: Path) -> None:
    first = Decision("one", (Remedy("t", {"transform": [{"cast": {"a": "string"}}], "sensitive": ["a"]}),))
    then = Decision("two", (Remedy("t", {"transform": [{"drop": ["b"]}], "sensitive": ["c"]}), Remedy("t", exclude=True)))
    file = tmp_path / "shop.yaml"
    file.write_text(Draft("shop", "from", "to", (), (first, then)).text())
    spec = load(file).spec_of("t")
    assert spec.transform == (("drop", ["b"]), ("cast", {"a": "string"})) and spec.sensitive == ("a", "c")
    assert "# Or: leave the table t out." in file.read_text()


def test_a_table_that_is_left_out_is_named_exactly_and_has_no_section(tmp_path: Path) -> None:
    out = Decision("it can't be moved", (Remedy("a*b", exclude=True),))
    other = Decision("it is wide", (Remedy("a*b", {"sensitive": ["x"]}),))
    file = tmp_path / "shop.yaml"
    file.write_text(Draft("shop", "from", "to", (), (other, out)).text())
    tables = load(file).tables
    assert tables.exclude == ("a[*]b",) and not tables.specs
