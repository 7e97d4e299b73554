"""The name of every file of a run, relative to its staging area, and of those that a migration keeps outside its runs.

    preflight.json plan.json             what preflight found, and what the run will do
    request.json interval.json           what the run was asked for: on the command line, and its data interval
    attempt.json                         of a DAG run that was cleared after its switch: which attempt this is
    reading/<table>/000007.json          the reading of a table by this number: when it began. The one with the highest number counts
    extracted/<table>/000007/00000.parquet   one file a chunk of that reading, and after it 00000.json, its receipt
    extracted/manifest.json              written last: all tables are here, and this is how they were read
    transformed/<table>/000007/...       the same as extracted, for tables with transforms
    quarantine/<table>/<stage>-00000.*   the rows of a chunk that could not be carried, and their manifest
    quarantine_source/<table>/...        once the run has finished: those that the load rejected, as the source gave them
    changes/<table>/0000007.parquet      of a live migration, the changes of a table in one round that is not applied yet
    changes/0000007.json                 and after them the manifest of the round
    compared.json                        of a repair: what differs from the live tables
    compared/<table>/000007/ leaving/...   the rows to put in place, and those that they replace
    built.json                           the definition of each shadow table, as it was built
    verdicts/<stage>.json proof.json     what the gates and the proof said
    proved/<table>.json                  the proof of its chunks, where there are several
    approval.json switch.json undo.json  the answer of a person, and what the switch and its undo did
    redriven.json                        which quarantined rows are live by now
    timings/ failure.json                how long each stage took, and what went wrong
    before.json                          which run of the migration was the last when this one began
    expected.json progress/              what there is to do, and what each stage has counted of it so far
    notified/                            which notices were sent
    protection.json                      which tables are encrypted, and with which secret from outside
    removed.json                         when the rows, or the quarantine, were removed
    report.json report.html              what a reviewer reads

A migration keeps, in the folder `.migration` next to the runs:

    last.json                            the last run of each kind
    coverage/<instant>.json              the coverage, as last written down
"""

from __future__ import annotations

import posixpath

from penstock.model.file_names import folder

PLAN = "plan.json"
PREFLIGHT = "preflight.json"
OLD_PREFLIGHT = "assessment.json"
"""The file of version 0.1, with other names in it."""
REQUEST = "request.json"
INTERVAL = "interval.json"
ATTEMPT = "attempt.json"
EXTRACTED_MANIFEST = "extracted/manifest.json"
COMPARED = "compared.json"
BUILT = "built.json"
PROOF = "proof.json"
APPROVAL = "approval.json"
SWITCH = "switch.json"
UNDO = "undo.json"
REDRIVEN = "redriven.json"
FAILURE = "failure.json"
BEFORE = "before.json"
EXPECTED = "expected.json"
PROTECTION = "protection.json"
REMOVED = "removed.json"
REPORT = "report.json"
REPORT_PAGE = "report.html"

CHANGES = "changes"
ROWS = ("extracted", "transformed", "compared", "leaving", CHANGES)
"""The folders of the staged rows of a run, its quarantine aside."""
READING = "reading"
TIMINGS = "timings"
PROGRESS = "progress"
QUARANTINE = "quarantine"
QUARANTINE_SOURCE = "quarantine_source"

LAST = "last.json"
COVERAGE = "coverage"


def table_folder(stage: str, table: str) -> str:
    """The folder of a table at a stage."""
    return posixpath.join(stage, folder(table))


def reading_folder(stage: str, table: str, reading: int) -> str:
    """The folder of a table's chunks at a stage, rows and receipts, by the number of the reading of the source that they come from.

    0: a reading of version 0.1, which had no number.
    """
    return posixpath.join(table_folder(stage, table), f"{reading:06}") if reading else table_folder(stage, table)


def rows(stage: str, table: str, chunk: int, reading: int = 0) -> str:
    """The Parquet file with the rows of a chunk, as `stage` has staged them."""
    return posixpath.join(reading_folder(stage, table, reading), f"{chunk:05}.parquet")


def changes(table: str, number: int) -> str:
    """The changes of a table in a round of a stream."""
    return posixpath.join(table_folder(CHANGES, table), f"{number:07}.parquet")


def change_round(number: int) -> str:
    """The manifest of a round of a stream."""
    return posixpath.join(CHANGES, f"{number:07}.json")


def receipt(stage: str, table: str, chunk: int, reading: int) -> str:
    """The receipt of a chunk of a stage."""
    return posixpath.join(reading_folder(stage, table, reading), f"{chunk:05}.json")


def reading(table: str, number: int) -> str:
    """When the reading of a table with this number began."""
    place = table_folder(READING, table)
    return posixpath.join(place, f"{number:06}.json") if number else f"{place}.json"


def quarantined(table: str, stage: str, chunk: int) -> tuple[str, str]:
    """The rows of a chunk that a stage has rejected, and the manifest of that file."""
    name = posixpath.join(QUARANTINE, folder(table), f"{stage}-{chunk:05}")
    return f"{name}.parquet", f"{name}.json"


def redriven(table: str, number: int) -> str:
    """Which quarantined rows of a table the re-drive `number` has taken."""
    return posixpath.join(QUARANTINE, folder(table), f"redriven-{number:05}.json")


def verdicts(stage: str) -> str:
    """What the gate after a stage (`extracted`, `transformed`, `loaded`) decided."""
    return posixpath.join("verdicts", f"{stage}.json")


def proved(table: str) -> str:
    """The digests of the chunks of a table at the target."""
    return posixpath.join("proved", f"{folder(table)}.json")


def timing(stage: str, label: str = "") -> str:
    """How long a part of a stage took."""
    return posixpath.join(TIMINGS, f"{_part(stage, label)}.json")


def progress(stage: str, label: str = "") -> str:
    """What a part of a stage has counted so far."""
    return posixpath.join(PROGRESS, f"{_part(stage, label)}.json")


def notified(name: str) -> str:
    """That a notice was sent."""
    return posixpath.join("notified", f"{name}.json")


def coverage(instant: str) -> str:
    """The coverage of a migration at an instant."""
    return posixpath.join(COVERAGE, f"{instant}.json")


def _part(stage: str, label: str) -> str:
    return folder(f"{stage}-{label}" if label else stage)
