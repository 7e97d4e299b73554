"""The pages' security: every route behind the login and the right, forms only from our own pages, names and values inert."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.servers.airflow import DAGS, STAGING, Airflow, api, filled, login

HOSTILE = "</title><script>alert(1)</script><img src=x onerror=alert(2)>\"'&\u202e"
CRAFTED = [
    "../../etc/passwd",
    "%2e%2e%2f%2e%2e%2fsecret",
    "..",
    ".",
    "a\nb",
    "x" * 5000,
    HOSTILE,
    "\x00",
    "';DROP TABLE dag_run;--",
    "C:\\x",
]


@pytest.fixture(scope="module")
def moved(airflow_installed: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Airflow, Any]]:
    """One run of the plain shop that has switched, and all DAGs known to Airflow's database."""
    from airflow.dag_processing.dagbag import BundleDagBag, sync_bag_to_db

    with pytest.MonkeyPatch.context() as settings:
        airflow = filled(tmp_path_factory.mktemp("pages"), settings)
        run = airflow.run("shop_plain")
        assert run.state == "success"
        sync_bag_to_db(BundleDagBag(dag_folder=str(DAGS), bundle_path=DAGS, bundle_name="dags-folder"), "dags-folder", None)
        yield airflow, run


def routes() -> list[tuple[str, str]]:
    """(method, path) of every route of the app, with names in their places."""
    from penstock_ui.app import app

    named = {"name": "penstock.css", "stage": "loaded", "dag_id": "shop_plain", "run_id": "a"}
    found = [(m, r) for r in app.routes for m in sorted((getattr(r, "methods", None) or {"GET"}) - {"HEAD"})]
    assert len(found) >= 5
    return [(m, "/penstock" + re.sub(r"{(\w+)(:\w+)?}", lambda p: named.get(p[1], "a"), r.path)) for m, r in found]


def form_of(html: str) -> dict[str, str]:
    """The hidden fields of the form that undoes."""
    form = html[html.index('action="/penstock/dags/shop_plain__undo') :].partition("</form>")[0]
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form))


def report_of(run: Any) -> str:
    return f"/penstock/dags/shop_plain/runs/{quote(run.run_id, safe='')}/report"


def test_without_a_login_every_route_refuses(moved: tuple[Airflow, Any]) -> None:
    client = api()
    answered = {place: client.request(*place, follow_redirects=False).status_code for place in routes()}
    assert set(answered.values()) == {401}, answered
    forged = {"Authorization": "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9."}
    answered = {place: client.request(*place, headers=forged, follow_redirects=False).status_code for place in routes()}
    assert set(answered.values()) <= {401, 403}, answered


def test_no_route_can_be_added_that_any_login_may_read_of_any_dag(moved: tuple[Airflow, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    forbid(monkeypatch, "shop_plain")
    client, of_one = api(), [p for p in routes() if "shop_plain" in p[1]]
    assert len(of_one) >= 3
    answered = {place: client.request(*place, headers=login("mia", "USER"), follow_redirects=False).status_code for place in of_one}
    assert set(answered.values()) == {403}, answered
    assert client.get("/penstock/dags/shop", headers=login("mia", "USER")).status_code == 200


def test_a_dag_that_one_may_not_read_is_not_listed(moved: tuple[Airflow, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    assert "shop_plain" in api().get("/penstock/", headers=login("mia", "VIEWER")).text
    forbid(monkeypatch, "shop_plain")
    listed = api().get("/penstock/?dag_id=shop", headers=login("mia", "VIEWER")).text
    assert "shop_plain" not in listed and "shop_daily" in listed


def forbid(monkeypatch: pytest.MonkeyPatch, dag_id: str) -> None:
    """From here on nobody may do anything with this DAG."""
    from airflow.api_fastapi.app import _AuthManagerState, get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager

    class Forbidding(SimpleAuthManager):
        def is_authorized_dag(self, *, details: Any = None, **asked: Any) -> bool:
            return not (details and details.id == dag_id) and super().is_authorized_dag(details=details, **asked)

    get_auth_manager()
    monkeypatch.setattr(_AuthManagerState, "instance", Forbidding())


def test_every_answer_forbids_inline_scripts_foreign_frames_and_keeping(moved: tuple[Airflow, Any]) -> None:
    client = api()
    for place in [*routes(), ("GET", "/penstock/nothing/here"), ("GET", report_of(moved[1]))]:
        for headers in ({}, login()):
            answer = client.request(*place, headers=headers, follow_redirects=False)
            policy = answer.headers["content-security-policy"]
            assert "default-src 'none'" in policy and "frame-ancestors 'self'" in policy and "unsafe" not in policy, place
            assert answer.headers["x-content-type-options"] == "nosniff" and "referrer-policy" in answer.headers
            if answer.headers["content-type"].startswith("text/html"):
                assert answer.headers["cache-control"] == "no-store"


def test_a_fault_of_ours_tells_nothing_of_itself(moved: tuple[Airflow, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    from fastapi.testclient import TestClient

    from penstock_ui import catalogue

    def fail(*_: object) -> None:
        raise RuntimeError("a password in a message")

    monkeypatch.setattr(catalogue, "migrations", fail)
    answer = TestClient(api().app, raise_server_exceptions=False).get("/penstock/", headers=login())
    assert answer.status_code == 500 and "password" not in answer.text and "default-src 'none'" in answer.headers["content-security-policy"]


def test_pages_hold_no_inline_script_style_or_handler(moved: tuple[Airflow, Any]) -> None:
    for place in ("/penstock/", "/penstock/dags/shop_plain", report_of(moved[1])):
        html = api().get(place, headers=login()).text
        assert "<style" not in html and " style=" not in html and "<script>" not in html and not re.search(r"<[^>]* on\w+=", html), place


def test_assets_are_kept_by_their_digest(moved: tuple[Airflow, Any]) -> None:
    client = api()
    page = client.get("/penstock/", headers=login()).text
    assets = re.findall(r'(?:href|src)="(/penstock/static/[^"]+)"', page)
    assert len(assets) == 2
    for place in assets:
        answer = client.get(place, headers=login())
        assert answer.status_code == 200 and "immutable" in answer.headers["cache-control"]
        again = client.get(place, headers=login() | {"If-None-Match": answer.headers["etag"]})
        assert again.status_code == 304 and not again.content
    for name in ("report.html.j2", "..%2f__init__.py", "__init__.py"):
        assert client.get(f"/penstock/static/{name}", headers=login()).status_code == 404


@pytest.mark.parametrize("crafted", CRAFTED, ids=range(len(CRAFTED)))
def test_crafted_names_find_nothing_and_stay_text(moved: tuple[Airflow, Any], crafted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = watch(monkeypatch)
    client, name = api(), quote(crafted, safe="")
    run = f"dags/shop_plain/runs/{quote(moved[1].run_id, safe='')}"
    of_a_run = (f"{run}/tables?name={name}", f"{run}/gates/{name}", f"{run}/report?attempt={name}", f"{run}/{name}")
    for place in (f"dags/{name}", f"dags/{name}/runs/{name}/report", f"dags/shop_plain/runs/{name}/report", f"static/{name}", *of_a_run):
        answer = client.get(f"/penstock/{place}", headers=login(), follow_redirects=False)
        if answer.url.path.rstrip("/") != "/penstock":  # which the client makes of `dags/..`
            assert answer.status_code in (404, 422), place
            assert answer.headers["content-type"] == "application/json" or inert(answer.text), place
    assert client.post(f"/penstock/dags/{name}/start", data={"token": name, "run": crafted}, headers=login()).status_code in (
        403,
        404,
        405,
        422,
    )
    assert all(p.is_relative_to(STAGING) for p in opened), opened


def test_hostile_names_and_words_in_what_runs_leave_are_inert(moved: tuple[Airflow, Any]) -> None:
    import datetime as dt

    from penstock.reporting.html import migration, migrations
    from penstock.reporting.html.addresses import Addresses
    from penstock.reporting.html.listing import Migration, Run

    summary = dict.fromkeys(("run", "outcome", "headline", "stage", "written", "proof", "staging"), HOSTILE)
    summary |= {"gates": {"loaded": "open", HOSTILE: HOSTILE}, "interval": [f"2024-01-01T00:00:00Z{HOSTILE}", HOSTILE], "tables": 1}
    summary |= {"rows_read": 1, "rows_loaded": 1, "rows_rejected": 0, "seconds": 1.0, "rows_per_second": 1, "coverage": None}
    now = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)
    run = Run(HOSTILE, HOSTILE, "success", now, now, HOSTILE, HOSTILE, summary=summary)
    cell = {
        "interval": ["2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z"],
        "state": "stale",
        "rows": 1,
        "run": HOSTILE,
        "at": HOSTILE,
        "why": HOSTILE,
    }
    kept = {
        "as_of": now.isoformat(),
        "tables": [{"table": HOSTILE, "cells": [cell, cell]}, {"table": "whole", "cells": [cell | {"interval": None}]}],
    }
    found = Migration(HOSTILE, HOSTILE, HOSTILE, runs=[run], total=1)
    assert inert(migrations.page([found], Addresses("/penstock"), now))
    assert inert(migration.page(found, migration.Window(), kept, [run], Addresses("/penstock"), now))


def inert(html: str) -> bool:
    """Whether a page has only our own script, no handlers and no addresses that lead elsewhere."""
    found: list[bool] = []

    class Tags(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            values = dict(attrs)
            found.append(tag not in ("img", "iframe", "object", "base", "style", "embed"))
            found.append(tag != "script" or str(values.get("src")).startswith("/penstock/static/"))
            found.append(not any(name.startswith("on") for name in values))
            found.extend(str(v).startswith(("/", "#", "?")) for name, v in attrs if name in ("href", "src", "action"))

    Tags().feed(html)
    return bool(found) and all(found)


def watch(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """What is opened of staging areas from here on."""
    from penstock.state.staging import Staging

    opened: list[Path] = []
    at = Staging.at

    def noted(self: Staging, *parts: str) -> str:
        opened.append(Path(at(self, *parts)).resolve())
        return at(self, *parts)

    monkeypatch.setattr(Staging, "at", noted)
    return opened


def test_undo_is_started_in_ones_name_and_leads_to_its_report(moved: tuple[Airflow, Any]) -> None:
    client, who = api(), login("mia", "USER")
    page = client.get(report_of(moved[1]), headers=who).text
    form = form_of(page)
    assert form["run"] == moved[1].run_id
    answer = client.post("/penstock/dags/shop_plain__undo/start", data=form | {"note": "wrong day"}, headers=who, follow_redirects=False)
    assert answer.status_code == 303 and answer.headers["location"].startswith("/penstock/dags/shop_plain__undo/runs/manual__")
    begun = started()[-1]
    assert (begun.conf, begun.triggering_user_name, begun.state) == ({"run": moved[1].run_id}, "mia", "queued")
    assert begun.note == "wrong day (from the report, by mia)"
    assert (
        client.get("/penstock/dags/shop_plain__undo", headers=who, follow_redirects=False).headers["location"]
        == "/penstock/dags/shop_plain"
    )


def started() -> list[Any]:
    """The runs of the undo DAG."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        runs = list(session.scalars(select(DagRun).where(DagRun.dag_id == "shop_plain__undo").order_by(DagRun.id)))
        for run in runs:
            run.note  # noqa: B018  loaded while there is a session
        session.expunge_all()
        return runs


def test_a_form_that_none_of_our_pages_sent_starts_nothing(moved: tuple[Airflow, Any]) -> None:
    client, who, place = api(), login("mia", "USER"), "/penstock/dags/shop_plain__undo/start"
    mine = form_of(client.get(report_of(moved[1]), headers=who).text)
    others = form_of(client.get(report_of(moved[1]), headers=login("eve", "USER")).text)
    before = len(started())
    tries = {
        "no token": client.post(place, data={"run": "x"}, headers=who),
        "a wrong one": client.post(place, data=mine | {"token": mine["token"][:-2] + "xx"}, headers=who),
        "another user's": client.post(place, data=others, headers=who),
        "made for another DAG": client.post("/penstock/dags/shop__undo/start", data=mine, headers=who),
        "from another site": client.post(place, data=mine, headers=who | {"Sec-Fetch-Site": "cross-site"}),
        "from a neighbour": client.post(place, data=mine, headers=who | {"Sec-Fetch-Site": "same-site"}),
        "of another origin": client.post(place, data=mine, headers=who | {"Origin": "https://evil.example"}),
        "from a sandbox": client.post(place, data=mine, headers=who | {"Origin": "null"}),
    }
    assert {why: answer.status_code for why, answer in tries.items()} == dict.fromkeys(tries, 403)
    assert client.get(place, headers=who).status_code == 405
    assert len(started()) == before


def test_a_token_ends(moved: tuple[Airflow, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    from penstock_ui import decisions

    form = form_of(api().get(report_of(moved[1]), headers=login("mia", "USER")).text)
    monkeypatch.setattr(decisions, "_VALID", -1)
    assert api().post("/penstock/dags/shop_plain__undo/start", data=form, headers=login("mia", "USER")).status_code == 403


def test_who_may_only_read_is_offered_nothing_and_can_start_nothing(moved: tuple[Airflow, Any]) -> None:
    page = api().get(report_of(moved[1]), headers=login("vera", "VIEWER")).text
    assert "you may not start runs of shop_plain__undo" in page and "<form" not in page
    form = form_of(api().get(report_of(moved[1]), headers=login("mia", "USER")).text)
    assert api().post("/penstock/dags/shop_plain__undo/start", data=form, headers=login("vera", "VIEWER")).status_code == 403


def test_only_undos_and_repairs_are_started_here(moved: tuple[Airflow, Any]) -> None:
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    from penstock_ui import decisions

    mia = SimpleAuthManagerUser(username="mia", role="USER")
    for dag_id in ("shop_plain", "shop", "nothing__undo"):
        form = {"token": decisions.token(mia, dag_id)}
        assert api().post(f"/penstock/dags/{dag_id}/start", data=form, headers=login("mia", "USER")).status_code == 403, dag_id


def test_what_a_dag_does_not_take_is_refused_with_its_reason(moved: tuple[Airflow, Any]) -> None:
    form = form_of(api().get(report_of(moved[1]), headers=login("mia", "USER")).text)
    before = len(started())
    answer = api().post("/penstock/dags/shop_plain__undo/start", data=form | {"run": "x" * 301}, headers=login("mia", "USER"))
    assert answer.status_code == 422 and len(started()) == before
