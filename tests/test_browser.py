"""In a real Chromium, against a real Airflow: log in, start a migration by its form, watch it, approve, read the report, undo.

Screenshots of each step are kept in artefacts/.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Frame, Page, expect, sync_playwright

from tests.real_airflow import ARTEFACTS, RealAirflow

pytestmark = pytest.mark.xdist_group("real Airflow")

OFFLINE = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Debian's browser. It closes with this file: while it is open, this thread has an event loop that other tests would stumble over."""
    program = shutil.which("chromium")
    if program is None:
        message = "no Chromium here: apt-get install chromium"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=[*OFFLINE])
        yield browser
        browser.close()


@dataclass(frozen=True)
class Reader:
    """A person at the browser. `told`: what a script that got out would have left: dialogs, refusals by the content policy, errors."""

    page: Page
    url: str
    told: list[str] = field(default_factory=list)

    def go(self, path: str) -> None:
        self.page.goto(self.url + path)

    def shot(self, name: str) -> None:
        ARTEFACTS.mkdir(exist_ok=True)
        self.page.screenshot(path=ARTEFACTS / f"{name}.png")

    def report(self, dag_id: str, run_id: str) -> Frame:
        """The tab of a run's report, inside Airflow's page."""
        self.go(f"/dags/{dag_id}/runs/{quote(run_id, safe='')}/plugin/migration_report")
        frame = self.page.wait_for_selector("iframe").content_frame()
        assert frame is not None
        frame.wait_for_load_state()
        return frame


def reader(browser: Browser, real_airflow: RealAirflow, user: str) -> Reader:
    """A new browser, logged in by the form."""
    page = browser.new_context(locale="en-US", timezone_id="UTC", viewport={"width": 1360, "height": 850}).new_page()
    page.set_default_timeout(30_000)
    person = Reader(page, real_airflow.airflow.url)
    page.on("dialog", lambda dialog: (person.told.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.on("pageerror", lambda error: person.told.append(f"error: {error}"))
    page.on("console", lambda said: person.told.append(said.text) if re.search("content.security.policy", said.text, re.I) else None)
    person.go("/")
    page.get_by_label("Username").fill(user)
    page.get_by_label("Password").fill(real_airflow.airflow.passwords[user])
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("link", name="Dags")).to_be_visible()
    return person
