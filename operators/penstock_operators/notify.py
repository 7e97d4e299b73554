"""Notifications: events of a run are sent to the notifiers that the migration file names.

Notifiers are imported when they send, never when a DAG is parsed. One that fails or hangs is logged, and does not change the run: the
callbacks of tasks are called after the end of the task is reported to Airflow, and each notifier has `TIMEOUT` seconds.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow.sdk import BaseHook, BaseNotifier
from airflow.sdk.exceptions import AirflowNotFoundException

from penstock_operators.runs import area, current_run, declared, interval, repair_dag_id, staging_root

if TYPE_CHECKING:
    from airflow.sdk import Context

    from penstock.errors import Problem
    from penstock.migration.notifications import Event, NotifySpec
    from penstock.migration.spec import Migration
    from penstock.reporting.notice import Notice
    from penstock.state.staging import Staging

log = logging.getLogger(__name__)

TIMEOUT = 30.0
"""Seconds that a notifier may take."""

_SLACK = "airflow.providers.slack.notifications.slack.SlackNotifier"
_SMTP = "airflow.providers.smtp.notifications.smtp.SmtpNotifier"
_WEBHOOK = "penstock_operators.webhook.WebhookNotifier"


def failed(context: Context) -> None:
    """An `on_failure_callback`, called after the last try of a task: sends `failed` or `refused`, once for each run."""

    def notice(migration: Migration) -> Notice:
        from penstock.reporting import notice

        fault = getattr(context.get("exception"), "fault", None)
        if fault is None:
            task = context["task_instance"].task_id
            return _notice("failed", migration, context, what=f"the task {task} failed", fix=f"see the log of the task {task}")
        return _notice(notice.event_of(fault), migration, context, **notice.words_of(fault))

    _happened(context, "failed", notice)


def switched(context: Context) -> None:
    """An `on_success_callback` of the switch: sends `switched`, or `overtaken` when all tables were left to later runs."""

    def notice(migration: Migration) -> Notice:
        from penstock.runtime.formatting import count
        from penstock.state import evidence, plan_file, switch_evidence

        staging = _area(migration, context)
        proof, moved = evidence.PROOF.read(staging), switch_evidence.SWITCH.read(staging)
        live, later = len(moved.moves) + len(moved.replaced), switch_evidence.overtaken(moved, plan_file.read(staging).tables)
        left = f"{count(len(later), 'table')} left to {', '.join(dict.fromkeys(later.values()))}" if later else ""
        if left and not live:
            return _notice("overtaken", migration, context, what=f"no table is live: {left}")
        rows = sum(t.rows for t in proof.tables if t.table not in moved.left)
        what = f"{count(live, 'table')} with {count(rows, 'proved row')} live" + (f"; {left}" if left else "")
        return _notice("switched", migration, context, what=what)

    _happened(context, "switched", notice)


def undone(context: Context) -> None:
    """An `on_success_callback` of the undo."""

    def notice(migration: Migration) -> Notice:
        from penstock.state import run_files

        return _notice("undone", migration, context, what=str(_area(migration, context).read_json(run_files.REPORT)["headline"]))

    _happened(context, "undone", notice)


def asked(context: Context, event: Event, what: str, fix: str) -> None:
    """Send `waiting` or `expiring`, from the approval task."""
    _happened(context, event, lambda migration: _notice(event, migration, context, what=what, fix=fix))


def deadline_missed(file: str, what: str, run: Mapping[str, Any]) -> None:
    """Send `deadline`. file: of the migration.  run: the DAG run, as Airflow's API returns it."""
    try:
        migration = declared(file)
        of = str(run.get("dag_id") or migration.name), str(run.get("dag_run_id") or "")
        notice = _made("deadline", migration, of, _span_of(migration, run), what=what)
    except Exception as fault:
        log.warning("the notification of the missed deadline was not sent: %s", fault)
        return
    send(migration, notice, {})


def _happened(context: Context, event: Event, notice: Callable[[Migration], Notice]) -> None:
    """Send the notice of an event, once. Errors are logged."""
    try:
        task: Any = context["task"]
        migration = declared(task.migration)
        if migration.notify and _first(migration, context, event):
            send(migration, notice(migration), context)
    except Exception as fault:
        log.warning("the notification of the event %s was not sent: %s: %s", event, type(fault).__name__, fault)


def send(migration: Migration, notice: Notice, context: Mapping[str, Any]) -> None:
    """Give a notice to every notifier of the migration for its event, as `penstock` in the context."""
    record = notice.record()
    for number, spec in enumerate(migration.notify):
        if notice.event in spec.events:
            _bounded(f"notify.{number} of {migration.name}", lambda spec=spec: made(spec)({**context, "penstock": record}))  # type: ignore[misc]


def _bounded(name: str, do: Callable[[], object]) -> None:
    """Call `do` in a thread, and wait for it at most `TIMEOUT` seconds. A failure is logged."""

    def guarded() -> None:
        try:
            do()
        except Exception as fault:
            log.warning("%s could not send: %s: %s", name, type(fault).__name__, fault)

    thread = threading.Thread(target=guarded, name=name, daemon=True)
    thread.start()
    thread.join(TIMEOUT)
    if thread.is_alive():
        log.warning("%s did not send within %.0f s; the task does not wait for it", name, TIMEOUT)


def made(spec: NotifySpec) -> BaseNotifier:
    """The notifier of an entry. Raises ImportError, TypeError, and the errors of its class.

    Texts are given as references to `penstock`: a notifier renders its arguments as templates, and a name from a database must not be one.
    """
    if spec.slack:
        return _class(_SLACK)(slack_conn_id=spec.slack.connection, channel=spec.slack.channel, text="{{ penstock.slack }}")
    if spec.smtp:
        texts = {"subject": "{{ penstock.subject }}", "html_content": "{{ penstock.html }}"}
        return _class(_SMTP)(smtp_conn_id=spec.smtp.connection, to=list(spec.smtp.to), **texts)
    if spec.webhook:
        return _class(_WEBHOOK)(connection=spec.webhook.connection, path=spec.webhook.path)
    return _class(str(spec.notifier))(**spec.arguments)


def _class(path: str) -> Callable[..., BaseNotifier]:
    """Raises ImportError; TypeError when it is not a notifier."""
    module, _, name = path.rpartition(".")
    found = getattr(import_module(module), name, None)
    if found is None:
        raise ImportError(f"{module} has no {name}")
    if not (isinstance(found, type) and issubclass(found, BaseNotifier)):
        raise TypeError(f"{path} is not derived from airflow.sdk.BaseNotifier")
    return found


def problems(migration: Migration) -> Iterator[Problem]:
    """The notifiers that can't send: not importable, not created from their arguments, or without their connection. For preflight."""
    from penstock.errors import Problem

    for number, spec in enumerate(migration.notify):
        where = f"{migration.path.name}: notify.{number}"
        try:
            made(spec)
        except ImportError as fault:
            yield Problem(True, where, f"the notifier can't be imported: {fault}", _install(spec), "migration")
        except Exception as fault:
            yield Problem(True, where, f"the notifier can't be created: {type(fault).__name__}: {fault}", "correct its `with`", "migration")
        named = spec.slack or spec.smtp or spec.webhook
        if named:
            try:
                BaseHook.get_connection(named.connection)
            except AirflowNotFoundException:
                fix = f"add it under Admin > Connections, or as the environment variable AIRFLOW_CONN_{named.connection.upper()}"
                yield Problem(True, where, f"Airflow has no connection {named.connection}", fix, "migration")


def _install(spec: NotifySpec) -> str:
    for provider, wanted in (("slack", spec.slack), ("smtp", spec.smtp)):
        if wanted:
            return f"pip install apache-airflow-providers-{provider}, also on the workers"
    return "correct the path, or install its package on every worker"


def _root(context: Context) -> str:
    """The staging root of the task. It is rendered here, because the DAG processor, which reports lost tasks, has not rendered it."""
    task: Any = context["task"]
    return str(task.render_template(task.staging_root, context))


def _area(migration: Migration, context: Context) -> Staging:
    """The staging area of the task's run; an undo has an area of its own."""
    from penstock.state import staging

    given, run = _root(context), context["dag_run"]
    if run.dag_id == f"{migration.name}__undo":
        return staging.of(staging_root(migration, given), run.dag_id, run.run_id)
    return area(migration, given, current_run(migration, given, context))


def _first(migration: Migration, context: Context, event: Event) -> bool:
    """Whether the event was not yet sent for this run since it was last cleared. When that is not known, it is sent."""
    from penstock.state import run_files

    try:
        staging, cleared = _area(migration, context), getattr(context["dag_run"], "clear_number", 0) or 0
        once = ("switched", "undone")  # clearing a switch does not switch again
        name = run_files.notified(event if event in once else f"{event}-{cleared}")
        record = {"event": event, "at": datetime.now(UTC).isoformat(timespec="seconds")}
        path = staging.local(name)
        if path is None:
            exists = staging.exists(name)
            if not exists:
                staging.write_json(record, name)
            return not exists
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(record, file)
        return True
    except FileExistsError:
        return False
    except Exception as fault:
        log.warning("it is not known whether the event %s was sent before, so it is sent: %s", event, fault)
        return True


def _notice(event: Event, migration: Migration, context: Context, **words: Any) -> Notice:
    run = context["dag_run"]
    return _made(event, migration, (run.dag_id, run.run_id), span(migration, context), **words)


def _made(event: Event, migration: Migration, of: tuple[str, str], interval: str, **words: Any) -> Notice:
    from penstock.reporting.notice import Notice

    return Notice(event, migration.name, *of, interval=interval, report=report_address(*of), **words)


def span(migration: Migration, context: Context) -> str:
    """The interval of the run in short: from its plan, else from its form or schedule; empty when it has none."""
    from penstock.model import intervals
    from penstock.state import plan_file

    try:
        of_migration = context["dag_run"].dag_id in (migration.name, repair_dag_id(migration))
        if of_migration and (planned := plan_file.PLANNED.find(_area(migration, context))):
            ends = planned.interval
            return intervals.short(intervals.between(ends[0], ends[1], "UTC"), migration.timezone) if ends else ""
        if context["dag_run"].dag_id == migration.name and (found := interval(migration, context)):
            return intervals.short(found, migration.timezone)
    except Exception:
        log.debug("the interval of the run is not known", exc_info=True)
    return ""


def _span_of(migration: Migration, run: Mapping[str, Any]) -> str:
    from penstock.model import intervals

    ends = [run.get(f"data_interval_{end}") for end in ("start", "end")]
    if not migration.partitioned or not all(ends) or ends[0] == ends[1]:
        return ""
    return intervals.short(intervals.between(str(ends[0]), str(ends[1]), "UTC"), migration.timezone)


def report_address(dag_id: str, run_id: str) -> str:
    """The full address of the report of a run; without `[api] base_url` only its path."""
    return f"{run_address(dag_id, run_id)}/plugin/migration_report"


def report_path(dag_id: str, run_id: str) -> str:
    """The path of the report of a run in Airflow's UI, which may be served under a prefix."""
    found = urlsplit(report_address(dag_id, run_id))
    return found.path


def run_address(dag_id: str, run_id: str) -> str:
    """The full address of a run in Airflow's UI."""
    from airflow.sdk.configuration import conf

    from penstock.reporting.html.addresses import Addresses

    return Addresses("", conf.get("api", "base_url", fallback="").rstrip("/")).airflow_run(dag_id, run_id)
