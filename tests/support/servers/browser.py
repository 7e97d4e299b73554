"""A person at a real Chromium, driven by the tests; conftest loads this plugin.

What a script that got out of a page would leave (a dialog, an error, a refusal by the content policy) is written down in `told`.
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

from tests.support.servers.real_airflow import ARTEFACTS, RealAirflow

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
    """Debian's browser. It closes with the file: while it is open, this thread has an event loop that other tests would stumble over."""
    program = shutil.which("chromium")
    if program is None:
        message = "no Chromium here: apt-get install chromium"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=[*OFFLINE])
        yield browser
        browser.close()


@dataclass(frozen=True)
class Person:
    """Somebody at the browser, with one page open, not logged in at first."""

    page: Page
    url: str
    told: list[str] = field(default_factory=list)

    def go(self, path: str) -> None:
        """Open a page of this Airflow."""
        self.page.goto(self.url + path)

    def log_in(self, user: str, password: str) -> None:
        """By the form, as the first page asks."""
        self.go("/")
        self.page.get_by_label("Username").fill(user)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign in").click()
        expect(self.page.get_by_role("link", name="Migrations")).to_be_visible()

    def shown(self, path: str) -> Frame:
        """A page of ours when it is whole: by itself under /penstock, else in the frame that a page of Airflow's has for it."""
        self.go(path)
        if not path.startswith("/penstock/"):
            return self.framed()
        self.page.wait_for_selector("main")
        return self.page.main_frame

    def framed(self) -> Frame:
        """Our page, when it is whole, in the page of Airflow's that is open."""
        frame = self.page.wait_for_selector("iframe").content_frame()
        assert frame is not None
        frame.wait_for_selector("main")
        return frame

    def report(self, dag_id: str, run_id: str) -> Frame:
        """The tab of a run's report."""
        return self.shown(f"/dags/{dag_id}/runs/{quote(run_id, safe='')}/plugin/migration_report")

    def leave(self) -> None:
        """Open no page: those of Airflow draw themselves anew while runs go on, which takes half a processor."""
        self.page.goto("about:blank")

    def shot(self, name: str) -> None:
        """Keep what is on the screen."""
        ARTEFACTS.mkdir(exist_ok=True)
        self.page.screenshot(path=ARTEFACTS / f"{name}.png")


def person(browser: Browser, airflow: RealAirflow) -> Person:
    """Somebody new."""
    page = browser.new_context(locale="en-US", timezone_id="UTC", viewport={"width": 1360, "height": 850}).new_page()
    page.set_default_timeout(60_000)
    expect.set_options(timeout=60_000)
    found = Person(page, airflow.airflow.url)
    page.on("dialog", lambda dialog: (found.told.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.on("pageerror", lambda error: found.told.append(f"error: {error}"))
    page.on("console", lambda said: found.told.append(said.text) if re.search("content.security.policy", said.text, re.I) else None)
    return found


@pytest.fixture(scope="module")
def admin(chromium: Browser, real_airflow: RealAirflow) -> Person:
    """Somebody who may do anything, logged in."""
    found = person(chromium, real_airflow)
    found.log_in("admin", real_airflow.airflow.passwords["admin"])
    return found
