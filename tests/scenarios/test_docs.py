"""Every command in the docs prints what its page shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.repository import REPO
from tools.transcripts import Command, Difference, alike, blocks, differences, rewritten

PAGES = [
    p for p in (REPO / "README.md", *sorted((REPO / "docs").rglob("*.md"))) if any(isinstance(b, Command) for b in blocks(p.read_text()))
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_commands_of_a_page_print_what_it_shows(page: Path, tmp_path: Path) -> None:
    found = differences(page.read_text(), tmp_path)
    assert not found, "\n\n".join([*map(str, found), f"run python -m tools.transcripts --write {page.relative_to(REPO)}"])


def test_the_pages_that_teach_have_commands() -> None:
    assert {"README", "first-migration", "masking", "bad-rows", "expectations"} <= {page.stem for page in PAGES}


_PAGE = """\
```text title="greeting.txt"
hello
```

```console
$ cat greeting.txt
goodbye
$ export NAME=you; echo set
set
$ echo $NAME; date +%H:%M:%S
you
10:00:00
```

```console title="elsewhere"
$ false
```
"""


def test_an_output_that_differs_from_the_page_is_found_and_can_be_written_into_it(tmp_path: Path) -> None:
    (found,) = differences(_PAGE, tmp_path)
    assert (found.command.text, found.found) == ("cat greeting.txt", "hello\n")
    assert rewritten(_PAGE, [found]) == _PAGE.replace("goodbye", "hello")
    assert isinstance(found, Difference) and "-goodbye\n+hello" in str(found)


@pytest.mark.parametrize(
    ("expected", "found", "same"),
    [
        ("run 2026-11-30T11-57-24 begins\n", "run 2031-01-02T03-04-05 begins\n", True),
        (
            "11:57:30  extract    a: 1 row\n11:57:30  extract    b: 2 rows\n",
            "10:00:01  extract  b: 2 rows\n10:00:02  extract  a: 1 row\n",
            True,
        ),
        ("orders  20,000  172 KiB  1.6 s  12,129  open\n", "orders  20,000  9.9 KiB  2 min 03 s  7  open\n", True),
        ("orders  20,000  172 KiB\n", "orders  20,001  172 KiB\n", False),
        ("first\n...\nlast\n", "first\nanything\nat all\nlast\n", True),
        ("first\n...\nlast\n", "first\nlast\n", True),
        ("first\n...\nlast\n", "last\nfirst\n", False),
        ("first\n", "first\nsecond\n", False),
    ],
)
def test_outputs_are_alike_but_for_times_sizes_and_ids(expected: str, found: str, same: bool) -> None:
    assert alike(expected, found) is same
