"""What a run has written as a type is read back as that type, files of earlier versions too, and other content is refused by its place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from penstock import databases
from penstock.errors import StagingDamaged
from penstock.model.schema import TableName
from penstock.state import attempts, evidence, journal, previous_run, run_log, staged_rows, staging, switch_evidence
from penstock.state.coverage import CoverageRecord
from penstock.state.evidence import (
    Approval,
    ChunkProof,
    Comparison,
    Difference,
    Example,
    ForBackfill,
    Outcome,
    Proof,
    RedrivenTable,
    RedriveRecord,
    TableProof,
    Verdict,
)
from penstock.state.json_file import JsonFile
from penstock.state.staging import Receipt, Staging
from penstock.state.switch_evidence import (
    Evidence,
    GateDecision,
    LostKey,
    Move,
    PutBack,
    Rejected,
    Replaced,
    Requester,
    SwitchRecord,
    UndoRecord,
)

DIGEST, OTHER, NONE = f"3:{'ab' * 16}", f"3:{'cd' * 16}", f"0:{'0' * 32}"
NOW = "2026-03-01T00:00:00+00:00"
OUTCOME = Outcome("c", "expect_x", ("id", "n"), "critical", False, False, "unique", "seen", 2, 3, (Example("id=1", "n=2"),))
PROVED = TableProof("t", DIGEST, DIGEST, DIGEST, 1, 3, 0, 0, 3, True, "7", 0.5, 0.25, faults=(Difference("MissingRow", "t", "id=1"),))
COVERED = CoverageRecord("m", "t", "", "", "r", "tok", "proven", 3, DIGEST, 3, DIGEST, NOW, NOW)
WRITTEN: list[tuple[JsonFile[object], object]] = [
    (evidence.verdicts("loaded"), (Verdict("t", "loaded", "s", None, "stop", 0.5, (OUTCOME,)),)),
    (evidence.PROOF, Proof((PROVED,))),
    (evidence.chunk_proofs("a/b"), (ChunkProof(0, DIGEST, OTHER, NONE, False, 0.1),)),
    (evidence.COMPARED, (Comparison("t", 2, 1, DIGEST, DIGEST, NONE, DIGEST, None, 0.5),)),
    (evidence.APPROVAL, Approval(True, "Approve", "ana", NOW, 2, ForBackfill("all 3 runs", 3, "r1"))),
    (evidence.APPROVAL, Approval(False, "Reject", "", NOW)),
    (evidence.REDRIVEN, RedriveRecord(NOW, (RedrivenTable("t", 2, 1),))),
    (
        switch_evidence.SWITCH,
        SwitchRecord("switched", NOW, "t", NOW, (Move("a", "b", None),), (Replaced("c", "d"),), {"x": "r"}, {"c": 3}, {"c": "repaired"}),
    ),
    (switch_evidence.UNDO, UndoRecord("undone", NOW, ("DROP x",), ("a",), "t", (PutBack("a", "c", "b"),), Requester("ana", "u1"))),
    (run_log.FAILURE, run_log.describe("load", ValueError("a secret"))),
    (run_log.timing("load", "t 1…2"), run_log.Timing("load", "t 1…2", NOW, 0.5)),
    (run_log.ASKED, run_log.Asked("r", (NOW, NOW), "UTC")),
    (staged_rows.REMOVED, staged_rows.Removed(NOW, None, True)),
    (staged_rows.PROTECTED, staged_rows.Protected(("t",), "mask_key", "ab", NOW)),
    (attempts.ATTEMPT, attempts.Attempt("r", 2)),
    (
        previous_run.LAST,
        previous_run.History(
            {"whole": previous_run.LastRun("r", NOW, 3, {"load": 0.5})},
            {"t": {"partition": (previous_run.PastRun("r", NOW, (NOW, NOW), 3),)}},
        ),
    ),
    (previous_run.BEFORE, None),
]  # type: ignore[list-item]


@pytest.fixture
def area(tmp_path: Path) -> Staging:
    return staging.of(str(tmp_path), "m", "r")


@pytest.mark.parametrize(("file", "value"), WRITTEN, ids=lambda v: getattr(v, "path", ""))
def test_what_was_written_is_read_back_as_it_was(area: Staging, file: JsonFile[object], value: object) -> None:
    assert file.find(area) is None
    file.write(area, value)
    assert file.read(area) == value


def test_evidence_of_a_switch_is_read_back_from_the_journal_as_it_was() -> None:
    whole = Evidence(
        verdicts=(GateDecision("t", "loaded", "warn", "ab"),),
        proof=Proof((PROVED,)),
        approval=Approval(True, "Approve", "Zoë 名", NOW),
        rejected=(Rejected("t", 2, {"quarantine/t/x": "ab"}),),
        plan="ab",
        overlapped=(COVERED,),
        left={"u": "r0"},
        links=(LostKey("t", None, "fk", "FOREIGN KEY …"),),
        kinds={"main.t": "swap"},
        notes={"main.t": {"place": ["t", None]}},
    )
    text = whole.to_json()
    assert Evidence.from_json(text) == whole
    assert text.isascii(), "a target may not store all of Unicode"
    assert Evidence.from_json("{}") == Evidence()


def test_a_proof_says_in_its_file_whether_it_holds_and_is_judged_by_its_digests(area: Staging) -> None:
    evidence.PROOF.write(area, Proof((PROVED,)))
    (record,) = area.read_json("proof.json")
    assert record["holds"] is True and "column" not in record["faults"][0]
    area.write_json([record | {"target": OTHER}], "proof.json")
    assert not evidence.PROOF.read(area).holds, "what the file says of itself is not believed"


def test_a_proof_of_an_earlier_version_has_no_quarantine_and_nothing_unchanged(area: Staging) -> None:
    evidence.PROOF.write(area, Proof((PROVED,)))
    (record,) = area.read_json("proof.json")
    for name in ("quarantined", "standing", "depth"):
        del record[name]
    area.write_json([record], "proof.json")
    assert evidence.PROOF.read(area) == Proof((PROVED,))


@pytest.mark.parametrize("text", ["not JSON", '{"approved": "geheim", "answer": 3}', "[]", '{"approved": true}'])
def test_a_file_that_holds_something_else_is_named_without_what_it_holds(area: Staging, text: str) -> None:
    area.write_text(text, "approval.json")
    with pytest.raises(StagingDamaged) as damaged:
        evidence.APPROVAL.read(area)
    assert "approval.json" in damaged.value.where and "geheim" not in str(damaged.value)


def test_receipts_come_in_the_order_of_their_chunks_and_only_those_that_are_there(area: Staging) -> None:
    for chunk in (100_001, 2, 99_999):
        area.write_receipt(Receipt(table="a/b", stage="extracted", chunk=chunk, rows_in=1, rows=1, digest=DIGEST))
    assert [r.chunk for r in area.receipts("extracted", "a/b")] == [2, 99_999, 100_001]
    assert [r.chunk for r in area.receipts("extracted", "a/b", (1, 2, 3))] == [2]
    assert area.receipts("loaded", "a/b") == area.receipts("extracted", "other") == []


def test_runs_of_two_migrations_with_one_id_do_not_meet_in_the_journal(tmp_path: Path) -> None:
    url = sa.make_url(f"sqlite:///{tmp_path}/t.sqlite")
    receipt = Receipt(table="t", stage="loaded", chunk=0, rows_in=3, rows=3, digest=DIGEST)
    with databases.of(url).engine(url).connect() as connection:
        journal.create(connection)
        with connection.begin():
            for migration in ("one", "other"):
                journal.write_receipt(connection, migration, "scheduled__1", receipt)
            journal.write_built(connection, "one", "scheduled__1", [0, 1])
            journal.forget_receipts(connection, "other", "scheduled__1")
            assert journal.all_receipts(connection, "one", "scheduled__1", "loaded") == {("t", 0): receipt}
            assert journal.built(connection, "one", "scheduled__1") == {0, 1} and not journal.built(connection, "other", "scheduled__1")
            assert not journal.all_receipts(connection, "other", "scheduled__1", "loaded")


def test_a_switch_is_read_back_from_the_journal_as_it_was(tmp_path: Path) -> None:
    url = sa.make_url(f"sqlite:///{tmp_path}/t.sqlite")
    places = (TableName("t", "main"), TableName("s"), None)
    switch = journal.Switch("tok", "m", "r", "switched", NOW, NOW, (places,), Evidence(proof=Proof((PROVED,))), (places,))
    with databases.of(url).engine(url).connect() as connection:
        journal.create(connection)
        with connection.begin():
            journal.write_switch(connection, switch)
            assert journal.switches(connection, "m", ["switched"]) == [switch]
            (row,) = connection.execute(sa.text("SELECT evidence FROM penstock_switches")).all()
    assert json.loads(row[0])["proof"][0]["holds"] is True
