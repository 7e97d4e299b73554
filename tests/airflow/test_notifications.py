"""Notifications: what happens to a run is sent once, in words, to those whom the file names; what can't be sent harms no run."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_string
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from socketserver import StreamRequestHandler, TCPServer
from threading import Thread
from typing import Any

import pytest

from penstock.errors import MigrationError
from penstock.migration.loader import load
from penstock.migration.spec import Migration
from tests.support.recording import FILE, recorded
from tests.support.servers.airflow import DAGS, STAGING, Airflow

LEAST = "name: shop\nsource: a\ntarget: b\n"
TOLD = "shop_told"


@pytest.fixture(autouse=True)
def recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FILE, str(tmp_path / "recorded"))


def read(folder: Path, text: str) -> Migration:
    file = folder / "shop.yaml"
    file.write_text(LEAST + text)
    return load(file)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("  - slack: {connection: ops, channl: x}\n", "shop.yaml:5:30: notify.0.slack.channl: unknown field — did you mean 'channel'?"),
        ("  - {notifer: a.B}\n", "shop.yaml:5:6: notify.0.notifer: unknown field — did you mean 'notifier'?"),
        (
            "  - webhook: {connection: x}\n    events: [fialed]\n",
            "shop.yaml:6:14: notify.0.events.0: no event called 'fialed' — did you mean 'failed'?",
        ),
        ("  - webhook: {connection: x}\n    events: []\n", "shop.yaml:6:5: notify.0.events: is empty"),
        ("  - webhook: {connection: x}\n    on: [failed]\n", "YAML reads the word `on` as true: write `events: [failed, switched]`"),
        ("  - webhook: {connection: x}\n    notifier: a.B\n", "expected one of slack, smtp, webhook, notifier in each entry"),
        ("  - events: [failed]\n", "expected one of slack, smtp, webhook, notifier in each entry"),
        ("  - webhook: {connection: x}\n    with: {a: 1}\n", "`with` belongs to `notifier`"),
        ("  - notifier: Pager\n", "'Pager' is not the import path of a class"),
    ],
)
def test_what_a_file_says_wrongly_is_named_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(MigrationError) as fault:
        read(tmp_path, f"notify:\n{text}")
    assert told in str(fault.value)


def test_who_names_no_events_is_told_of_those_that_need_a_person(tmp_path: Path) -> None:
    (spec,) = read(tmp_path, "notify:\n  - smtp: {connection: mail, to: [dba@example.org]}\n").notify
    assert spec.events == ("failed", "refused", "waiting", "expiring", "deadline")


def test_a_run_tells_that_it_waits_and_that_it_switched_and_an_undo_that_it_is_undone(airflow: Airflow) -> None:
    with airflow.answering("Approve", TOLD):
        run = airflow.run(TOLD)
    assert run.state == "success"
    waiting, switched = recorded()
    assert (waiting["event"], waiting["run"], waiting["severity"]) == ("waiting", run.run_id, "high")
    assert waiting["what"] == f"Switch shop_told (run {run.run_id})? 1 table, 100 rows proved"
    assert waiting["report"].endswith("/plugin/migration_report") and "/dags/shop_told/runs/" in waiting["report"]
    assert (switched["event"], switched["what"]) == ("switched", "1 table with 100 proved rows live")
    undone = airflow.run("shop_told__undo")
    assert undone.state == "success"
    (told,) = recorded()[2:]
    assert (told["event"], told["dag"], told["run"]) == ("undone", "shop_told__undo", undone.run_id) and told["what"]


def test_a_rejected_run_tells_that_its_switch_was_refused_and_by_whom_not_why_it_could_hold_values(airflow: Airflow) -> None:
    with airflow.answering("Reject", TOLD):
        airflow.run(TOLD)
    waiting, refused = recorded()
    assert (waiting["event"], refused["event"], refused["what"]) == ("waiting", "refused", "the switch was not approved")
    assert "start a new run" in refused["fix"]


def test_what_preflight_refuses_is_told_with_every_problem_and_its_fix(airflow: Airflow) -> None:
    run = airflow.run(TOLD, tables=["no_such_table"])
    assert run.state == "failed"
    (told,) = recorded()
    assert told["event"] == "refused" and told["subject"] == f"shop_told ({run.run_id}): refused"
    assert any("no_such_table" in line for line in told["problems"]) and told["problems"][0] in told["text"]


def test_a_failure_is_told_once_though_two_tasks_fail_and_again_after_the_run_was_cleared(
    airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    from penstock.errors import LoadFailed
    from penstock.stages import extract

    def fails(*_: Any) -> Any:
        raise LoadFailed("log.said is too long", where="table log, chunk 3, row id=7", why="value too long: geheim", fix="cast it")

    monkeypatch.setattr(extract, "extract", fails)
    run = airflow.run(TOLD)
    (told,) = recorded()
    assert (told["event"], told["what"], told["where"], told["fix"]) == ("failed", "log.said is too long", "table log, chunk 3", "cast it")
    assert "geheim" not in json.dumps(told) and "id=7" not in json.dumps(told)

    from penstock_operators import notify

    context = of(airflow, run)
    notify.failed(context)
    assert len(recorded()) == 1
    context["dag_run"].clear_number = 1
    notify.failed(context)
    assert [n["event"] for n in recorded()] == ["failed", "failed"]


def of(airflow: Airflow, run: Any) -> Any:
    """What Airflow gives a callback of the run's task `extract`."""
    from types import SimpleNamespace

    dag = airflow.dags[run.dag_id]
    facts = {"dag_id": run.dag_id, "run_id": run.run_id, "clear_number": 0, "data_interval_start": None, "data_interval_end": None}
    task = dag.get_task("preflight")
    task.staging_root = str(STAGING)
    return {
        "dag_run": SimpleNamespace(**facts),
        "task": task,
        "dag": dag,
        "task_instance": SimpleNamespace(task_id="extract"),
        "params": {},
    }


def test_a_task_that_will_be_tried_again_has_not_failed_yet(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> None:
    from penstock.errors import ConnectionFailed
    from penstock.stages import extract

    whole, tries = extract.extract, []

    def down(*given: Any) -> Any:
        tries.append(given)
        if len(tries) == 1:
            raise ConnectionFailed("down for a minute")
        return whole(*given)

    monkeypatch.setattr(extract, "extract", down)
    monkeypatch.setattr("penstock_operators.migration_dag.timedelta", lambda **_: __import__("datetime").timedelta(seconds=0.1))
    with airflow.answering("Approve", TOLD):
        assert airflow.run(TOLD).state == "success"
    assert len(tries) == 2 and [n["event"] for n in recorded()] == ["waiting", "switched"]


def test_notifiers_that_could_not_send_are_found_before_a_row_moves_with_what_to_install(airflow: Airflow) -> None:
    run = airflow.run("shop_told_wrongly")
    assert run.state == "failed" and airflow.live() == {}
    found = [p for p in airflow.staged(run, "shop_told_wrongly").read_json("preflight.json")["problems"] if "notify" in p["where"]]
    told = [(p["where"], p["blocking"], f"{p['what']} | {p['fix']}") for p in found]
    expected = [
        ("notify.0", "tests.recording has no Nobody | correct the path"),
        ("notify.1", "pip install apache-airflow-providers-slack"),
        ("notify.1", "no connection nowhere | add it under Admin"),
        ("notify.2", "loud' | correct its `with`"),
        ("notify.3", "pathlib.Path is not derived from airflow.sdk.BaseNotifier"),
    ]
    assert len(told) == len(expected)
    for (where, blocking, text), (place, said) in zip(told, expected, strict=True):
        assert where.endswith(place) and blocking and said in text
    (notice,) = recorded()  # the one that can send tells it
    assert notice["event"] == "refused"


def test_a_missed_deadline_is_told_by_the_callback_that_airflow_calls(tmp_path: Path, airflow_installed: None) -> None:
    from penstock_operators.deadline import deadline

    daily = "schedule: '@daily'\ntables: {t: {partition: {by: at}}}\n"
    alert = deadline(read(tmp_path, f"deadline: 1h\n{daily}notify: [{{notifier: tests.recording.Recorder}}]\n"))
    assert alert is not None
    callback, day = alert.callback, {"data_interval_start": "2026-11-03T00:00:00Z", "data_interval_end": "2026-11-04T00:00:00Z"}
    run = {"dag_id": "shop", "dag_run_id": "scheduled__1", **day}
    from airflow.sdk.execution_time.callback_supervisor import execute_callback
    from structlog import get_logger

    done = execute_callback(callback.path, callback.kwargs | {"context": {"dag_run": run}}, "", None, get_logger())
    assert done == (True, None)
    (told,) = recorded()
    assert told["subject"] == "shop 2026-11-03: deadline missed" and told["run"] == "scheduled__1"
    assert told["what"] == "the run has not ended 1:00:00 after it was queued"


def test_a_notifier_that_hangs_is_not_waited_for(tmp_path: Path, airflow_installed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from penstock.reporting.notice import Notice
    from penstock_operators import notify

    monkeypatch.setattr(notify, "TIMEOUT", 0.2)
    migration = read(tmp_path, "notify:\n  - notifier: tests.recording.Hanging\n  - notifier: tests.recording.Recorder\n")
    began = time.monotonic()
    notify.send(migration, Notice("failed", "shop", "shop", "r1", "", "it failed"), {})
    assert time.monotonic() - began < 5 and len(recorded()) == 1


@contextmanager
def server(status: int = 200) -> Iterator[tuple[int, list[tuple[str, dict[str, str], dict[str, Any]]]]]:
    """A local HTTP server: its port, and what was posted to it as (path, headers, JSON)."""
    posted: list[tuple[str, dict[str, str], dict[str, Any]]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            posted.append((self.path, dict(self.headers), json.loads(body)))
            self.send_response(status)
            self.send_header("Location", "http://127.0.0.1:1/elsewhere")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as http:
        Thread(target=http.serve_forever, daemon=True).start()
        yield http.server_port, posted
        http.shutdown()


def test_a_webhook_is_posted_as_json_with_the_connection_s_login_and_headers(
    tmp_path: Path, airflow_installed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from penstock.reporting.notice import Notice
    from penstock_operators import notify

    migration = read(tmp_path, "notify:\n  - webhook: {connection: hook, path: /alerts}\n")
    with server() as (port, posted):
        fields = {"conn_type": "http", "host": "127.0.0.1", "port": port, "login": "ana", "password": "secret", "extra": {"X-Team": "dba"}}
        monkeypatch.setenv("AIRFLOW_CONN_HOOK", json.dumps(fields))
        notify.send(migration, Notice("failed", "shop", "shop", "r1", "2026-11-03", "it failed", problems=("a: b",)), {})
    ((path, headers, told),) = posted
    assert path == "/alerts" and headers["X-Team"] == "dba" and headers["Authorization"] == "Basic YW5hOnNlY3JldA=="
    assert (told["event"], told["interval"], told["what"], told["problems"]) == ("failed", "2026-11-03", "it failed", ["a: b"])


@pytest.mark.parametrize("status", [302, 500])
def test_a_webhook_that_is_refused_or_sent_elsewhere_is_logged_without_its_password(
    tmp_path: Path, airflow_installed: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    from penstock.reporting.notice import Notice
    from penstock_operators import notify

    migration = read(tmp_path, "notify:\n  - webhook: {connection: hook}\n")
    with server(status) as (port, posted):
        fields = {"conn_type": "http", "host": f"http://127.0.0.1:{port}", "login": "ana", "password": "secret"}
        monkeypatch.setenv("AIRFLOW_CONN_HOOK", json.dumps(fields))
        notify.send(migration, Notice("failed", "shop", "shop", "r1", "", "it failed"), {})
    assert len(posted) == 1 and f"could not send: HTTPError: HTTP Error {status}" in caplog.text and "secret" not in caplog.text


def test_a_name_from_a_database_is_neither_a_template_nor_markup_where_it_is_sent() -> None:
    from airflow.sdk import BaseNotifier

    from penstock.reporting.notice import Notice

    told = Notice("failed", "shop", "shop", "r1", "", "{{ 7 * 7 }} <!channel> <script>\nSubject: x").record()

    class Mail(BaseNotifier):
        template_fields = ("slack", "html")

        def __init__(self) -> None:
            super().__init__()
            self.slack, self.html = "{{ penstock.slack }}", "{{ penstock.html }}"

        def notify(self, context: Any) -> None:
            pass

    mail = Mail()
    mail({"penstock": told})
    assert "{{ 7 * 7 }} &lt;!channel&gt; &lt;script&gt; Subject: x" in mail.slack
    assert "<script>" not in mail.html and "{{ 7 * 7 }} &lt;!channel&gt;" in mail.html and "\n" not in told["subject"]


def test_importing_the_dags_imports_no_notifier(airflow_installed: None) -> None:
    import subprocess
    import sys

    code = (
        "import sys, penstock_operators.migration_dag as m; from penstock_operators.runs import declared\n"
        f"m.migration_dag(declared({str(DAGS / 'migrations' / f'{TOLD}.yaml')!r}))\n"
        "print([n for n in ('tests.support.recording', 'penstock_operators.webhook', 'airflow.providers.smtp.notifications.smtp') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_mail_is_sent_by_airflow_s_own_notifier(tmp_path: Path, airflow_installed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from penstock.reporting.notice import Notice
    from penstock_operators import notify

    migration = read(tmp_path, "notify:\n  - smtp: {connection: mail, to: [dba@example.org, ana@example.org]}\n")
    with mailbox() as (port, mails):
        extra = {"from_email": "airflow@example.org", "disable_ssl": True, "disable_tls": True}
        monkeypatch.setenv("AIRFLOW_CONN_MAIL", json.dumps({"conn_type": "smtp", "host": "127.0.0.1", "port": port, "extra": extra}))
        notify.send(migration, Notice("refused", "shop", "shop", "r1", "2026-11-03", "{{ 7 * 7 }} <b>"), {})
    (mail,) = mails
    parsed = message_from_string(mail)
    assert (parsed["Subject"], parsed["To"]) == ("shop 2026-11-03: refused", "dba@example.org, ana@example.org")
    (body,) = (part.get_payload(decode=True) for part in parsed.walk() if part.get_content_type() == "text/html")
    assert isinstance(body, bytes) and b"{{ 7 * 7 }} &lt;b&gt;" in body


@contextmanager
def mailbox() -> Iterator[tuple[int, list[str]]]:
    """A local mail server, as far as one message needs it: its port, and the messages."""
    mails: list[str] = []

    class Mailbox(StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 here\r\n")
            while line := self.rfile.readline():
                if line.upper().startswith(b"DATA"):
                    self.wfile.write(b"354 go on\r\n")
                    lines = iter(self.rfile.readline, b".\r\n")
                    mails.append(b"".join(lines).decode())
                self.wfile.write(b"221 bye\r\n" if line.upper().startswith(b"QUIT") else b"250 ok\r\n")

    with TCPServer(("127.0.0.1", 0), Mailbox) as smtp:
        Thread(target=smtp.serve_forever, daemon=True).start()
        yield int(smtp.server_address[1]), mails
        smtp.shutdown()
