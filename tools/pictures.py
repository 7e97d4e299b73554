"""The pictures of the docs, taken from the product: the demo's flights in Airflow's UI, by Debian's Chromium, into docs/images/.

python -m tools.pictures
"""

from __future__ import annotations

import shutil
from typing import Any
from urllib.parse import quote

from playwright.sync_api import sync_playwright

from tools.airflow_server import REPO, Airflow
from tools.backfill import backfill, flights

DAYS, AT_ONCE = 10, 2
WIDTH = 1280


def main() -> None:
    with flights(AT_ONCE) as (airflow, server):
        run = airflow.ask("/api/v2/dags/flights/dagRuns", {"logical_date": None, "conf": {}})["dag_run_id"]
        backfill(airflow, server, DAYS, AT_ONCE)
        place = f"/dags/flights/dagRuns/{quote(run, safe='')}"
        airflow.until("the run of flights", lambda: airflow.ask(f"/api/v2{place}")["state"] == "success")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"])
            page = browser.new_context(locale="en-US", timezone_id="UTC").new_page()
            log_in(page, airflow)
            picture(page, f"{airflow.url}/plugin/migrations", "migrations", 440)
            picture(page, f"{airflow.url}/dags/flights/runs/{quote(run, safe='')}/plugin/migration_report", "report", 880)
            browser.close()


def log_in(page: Any, airflow: Airflow) -> None:
    page.goto(airflow.url)
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(airflow.passwords["admin"])
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Migrations").wait_for()


def picture(page: Any, url: str, name: str, height: int) -> None:
    """Airflow's page with ours in its frame, when both are whole."""
    page.set_viewport_size({"width": WIDTH, "height": height})
    page.goto(url)
    page.frame_locator("iframe").locator("main").wait_for()
    page.wait_for_load_state("networkidle")
    page.screenshot(path=REPO / "docs" / "images" / f"{name}.png")


if __name__ == "__main__":
    main()
