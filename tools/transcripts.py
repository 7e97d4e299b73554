"""The console transcripts of the docs: run each command, and compare its output with the page or write it into the page.

    python -m tools.transcripts [--write] PAGE…

A page is read from top to bottom, in one working folder:

    ```yaml title="shop.yaml"    the block becomes the file shop.yaml, which later commands read
    ```console                   each line after `$ ` is a command, what follows it is its output

What differs between two runs (times, durations, run ids, the working folder) is compared by its form only.
A line `...` in the output of a page matches any lines.
"""

from __future__ import annotations

import argparse
import difflib
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

REPO = Path(__file__).resolve().parent.parent
ANY = "..."
SHOWN_FOLDER = "/home/you/shop"
"""What pages show in place of the folder that the commands ran in."""

_BLOCK = re.compile(
    r"^```(?P<language>[\w-]+)(?P<options>[^\n`]*)\n(?P<body>.*?)^```$|^<!-- note: (?P<note>.*?) -->$", re.MULTILINE | re.DOTALL
)
_TITLE = re.compile(r'title="(?P<title>[^"]+)"')
_FORMS = (
    (r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d(-\d+)?", "RUN"),
    (r"\b(scheduled|manual)__\S+", r"\1__RUN"),
    (r"^\d\d:\d\d:\d\d\b", "TIME"),
    (r"\b\d+(\.\d+)? (min|h|s|ms)\b( \d+ (s|min)\b)?", "SECONDS"),
    (r"\b[\d,]+ rows/s", "RATE"),
    (r"(?<=SECONDS) +[\d,]+\b", " RATE"),
    (r"\bloaded at [\d,]+", "loaded at RATE"),
    (r"\bfrom [\d,]+ rows of\b", "from a sample of"),
    (r"\b\d+(\.\d+)? ([KMGT]i)?B\b", "SIZE"),
    (r"\b(SQLite|DuckDB) v?\d+(\.\d+)+", r"\1 VERSION"),
)
_LOG_LINE = re.compile(r"TIME (?P<stage>\w+) ")


@dataclass(frozen=True)
class File:
    """A block with a title: the file that it shows."""

    name: str
    content: str


@dataclass(frozen=True)
class Note:
    """A comment `<!-- note: ... -->`: what a person does here, or what a test waits for."""

    text: str


@dataclass(frozen=True)
class Command:
    """A command of a console block, the output that the page shows, and where that output is in the page."""

    text: str
    output: str
    start: int
    end: int
    line: int


def blocks(page: str, title: str = "") -> Iterator[File | Command | Note]:
    """The files, commands and notes of a page, in order. title: only of the console blocks that have this title."""
    for block in _BLOCK.finditer(page):
        titled = _TITLE.search(block["options"] or "")
        if block["note"]:
            yield Note(block["note"])
        elif block["language"] == "console":
            if (titled["title"] if titled else "") == title:
                yield from _commands(page, block)
        elif titled:
            yield File(titled["title"], block["body"])


def _commands(page: str, fence: re.Match[str]) -> Iterator[Command]:
    prompts = list(re.finditer(r"^\$ (?P<text>.*(?:\\\n.*)*)\n", fence["body"], re.MULTILINE))
    begin = fence.start("body")
    ends = [p.start() for p in prompts[1:]] + [len(fence["body"])]
    for prompt, end in zip(prompts, ends, strict=True):
        at = begin + prompt.start()
        yield Command(prompt["text"], fence["body"][prompt.end() : end], begin + prompt.end(), begin + end, page.count("\n", 0, at) + 1)


def run(command: str, folder: Path, environ: dict[str, str]) -> str:
    """What a terminal would show of a command that was run in `folder`; what it exports is added to `environ`."""
    exported = folder / ".exported"
    script = f"{command}\nstatus=$?; env -0 > {exported}; exit $status" if command.startswith("export ") else command
    done = subprocess.run(
        ["bash", "-c", script], cwd=folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if exported.exists():
        environ |= dict(v.split("=", 1) for v in exported.read_text().split("\0") if "=" in v)
        exported.unlink()
    shown = done.stdout.replace(str(folder), SHOWN_FOLDER)
    lines = [line.rstrip() for line in shown.splitlines()]
    return "".join(f"{line}\n" for line in lines)


def environment(folder: Path) -> dict[str, str]:
    """The environment of the commands: `penstock` and `python` are this interpreter's."""
    tools = folder / ".bin"
    tools.mkdir(exist_ok=True)
    for name, module in (("penstock", "-m penstock.cli "), ("python", "")):
        (tools / name).write_text(f'#!/bin/sh\nexec {sys.executable} {module}"$@"\n')
        (tools / name).chmod(0o755)
    paths = [str(REPO), *(str(REPO / part) for part in ("operators", "expectations", "plugins")), os.environ.get("PYTHONPATH", "")]
    own = {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": os.pathsep.join(filter(None, paths)), "PYTHONUNBUFFERED": "1"}
    return os.environ | own | {"USER": "you", "LOGNAME": "you", "TZ": "UTC"}


def form(line: str) -> str:
    """A line without what differs between two runs, and with single blanks."""
    for pattern, name in _FORMS:
        line = re.sub(pattern, name, line)
    return " ".join(line.split())


def forms(output: str) -> list[str]:
    """The lines of an output by their form. Log lines of one stage are sorted: a stage works on several tables at a time."""
    lines = [form(line) for line in output.splitlines()]
    groups = groupby(lines, lambda line: found["stage"] if (found := _LOG_LINE.match(line)) else None)
    return [line for stage, group in groups for line in (sorted(group) if stage else group)]


def alike(expected: str, found: str) -> bool:
    """Whether an output is what the page shows."""
    pattern = "".join("(?:.*\n)*?" if line == ANY else f"{re.escape(line)}\n" for line in forms(expected))
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in forms(found))) is not None


@dataclass(frozen=True)
class Difference:
    """A command whose output is not what the page shows."""

    command: Command
    found: str

    def __str__(self) -> str:
        lines = difflib.unified_diff(self.command.output.splitlines(), self.found.splitlines(), "the page", "the command", lineterm="")
        return "\n".join([f"line {self.command.line}: $ {self.command.text}", *lines])


def differences(page: str, folder: Path, title: str = "", noted: Callable[[str], None] | None = None) -> list[Difference]:
    """Run the commands of a page in `folder` and answer those whose output differs. noted: called with the text of each note."""
    found, environ = [], environment(folder)
    for block in blocks(page, title):
        if isinstance(block, File):
            (folder / block.name).parent.mkdir(parents=True, exist_ok=True)
            (folder / block.name).write_text(block.content)
        elif isinstance(block, Note):
            if noted:
                noted(block.text)
        else:
            output = run(block.text, folder, environ)
            if not alike(block.output, output):
                found.append(Difference(block, output))
    return found


def rewritten(page: str, found: Sequence[Difference]) -> str:
    """The page with the outputs that were found in place of those that differ."""
    for difference in reversed(found):
        page = page[: difference.command.start] + difference.found + page[difference.command.end :]
    return page


def main() -> int:
    parser = argparse.ArgumentParser(description="Run the console transcripts of pages and compare their output.")
    parser.add_argument("pages", nargs="+", type=Path)
    parser.add_argument("--write", action="store_true", help="write the outputs that differ into the pages")
    args = parser.parse_args()
    differ = False
    for path in args.pages:
        page = path.read_text()
        with tempfile.TemporaryDirectory() as folder:
            found = differences(page, Path(folder))
        for difference in found:
            print(f"{path}, {difference}\n")
        if args.write:
            path.write_text(rewritten(page, found))
        differ = differ or bool(found)
    return 1 if differ and not args.write else 0


if __name__ == "__main__":
    sys.exit(main())
