"""Report sections: the folder is the registry, and another distribution adds a section without a change of the engine."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from penstock.reporting import sections
from penstock.reporting.html.environment import render
from tests.support.data.shop import Shop
from tests.support.repository import REPO

GUIDE = REPO / "docs" / "contributing" / "add-a-report-section.md"
OF_REPORT = ["changes", "flow", "stages", "pace", "tables", "quarantine", "gates", "proof", "schema", "switch", "preflight"]
OF_RUN = ["changes", "flow", "attention", "gates_and_proof", "quarantine", "stages", "pace", "all_tables", "switch", "preflight"]

# In a process of its own: the registry reads the entry points once.
RUN = """
import sys, json
from pathlib import Path
from penstock.reporting.html import run as pages
from penstock.reporting.html.addresses import Addresses
from penstock.state import progress
from tests.support.data.shop import Shop
import sqlalchemy as sa
folder = Path(sys.argv[1])
shop = Shop(folder, sa.make_url(f"sqlite:///{folder}/shop.sqlite"), sa.make_url(f"duckdb:///{folder}/shop.duckdb"))
area = shop.run().staging
report = area.read_json("report.json")
page = pages.report(report, progress.read(area), pages.RunPage(Addresses("/penstock"), "shop", "r1"))
print(json.dumps([report, area.read_text("report.html"), page]))
"""


def run_with(shop: Shop, package: Path) -> tuple[dict[str, Any], str, str, str]:
    """The report of a run with the distributions in `package` installed, report.html, the page of the run, and the log."""
    path = os.pathsep.join([str(package), str(REPO), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(shop.folder)], env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    report, html, page = json.loads(done.stdout.splitlines()[-1])
    return report, html, page, done.stderr


def installed(folder: Path, files: dict[str, str], entry_points: str) -> Path:
    """The folder with files of a package, and the entry points of its distribution."""
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    info = folder / "acme_reports-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-reports\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[penstock.reporting.sections]\n{entry_points}\n")
    return folder


def test_every_module_of_the_folder_is_a_section_with_its_template() -> None:
    found = sections.every()
    assert {s.name for s in found} == set(OF_REPORT + OF_RUN)
    assert all(s.template.is_file() and set(s.order) <= {"report", "run"} and not s.added for s in found)


def test_each_page_has_its_sections_in_their_order() -> None:
    assert [s.name for s in sections.shown_on("report")] == OF_REPORT
    assert [s.name for s in sections.shown_on("run")] == OF_RUN


def test_a_template_that_is_given_too_little_is_an_error() -> None:
    with pytest.raises(Exception, match="undefined"):
        render("sections/flow", report={"tables": [1]}, page=None, value=None)


def test_the_section_of_the_guide_is_in_the_report_and_on_the_page_of_the_run(shop: Shop, tmp_path: Path) -> None:
    text = GUIDE.read_text()
    files = dict(re.findall(r"`(acme_reports/\S+)`:\n\n```\w+\n(.*?)```", text, re.DOTALL))
    entry_point = re.search(r"^largest = \"(\S+)\"$", text, re.MULTILINE)
    assert set(files) == {"acme_reports/largest.py", "acme_reports/largest.html.j2"} and entry_point
    report, html, page, _ = run_with(shop, installed(tmp_path / "site", files, f"largest = {entry_point[1]}"))
    assert report["largest"][0] == {"table": 'item of "%s" order', "rows": 1198} and len(report["largest"]) == 3
    for shown in (html, page):
        assert shown.count('<h2 id="largest">Largest tables</h2>') == 1 and "item of &#34;%s&#34; order</bdi>" in shown
        assert "1,198 rows" in shown
    assert html.index('id="tables"') < html.index('id="largest"') < html.index('id="gates"')
    assert page.index('id="pace"') < page.index('id="largest"') < page.index('id="tables"')


def test_a_section_of_another_distribution_that_fails_leaves_the_report_whole(shop: Shop, tmp_path: Path) -> None:
    order = 'order = {"report": 1, "run": 1}\n'
    files = {
        "raising.py": f"{order}def collect(inputs): raise ValueError('collector')\n",
        "strange.py": f"{order}def collect(inputs): return object()\n",
        "circular.py": f"{order}def collect(inputs): return inputs.report['circular']\n",
        "unshown.py": f"{order}def collect(inputs): return {{'tables': len(inputs.records.tables)}}\n",
        "unshown.html.j2": "{{ nothing_of_this_name }}",
    }
    names = [name.removesuffix(".py") for name in files if name.endswith(".py")]
    entry_points = "\n".join(f"{name} = {name}" for name in [*names, "absent", "tables"])
    report, html, page, log = run_with(shop, installed(tmp_path / "site", files, entry_points))
    assert report["outcome"] == "switched" and report["unshown"] == {"tables": 5}
    assert not {"raising", "strange", "circular", "absent"} & set(report) and len(report["tables"]) == 5
    assert 'id="preflight"' in html and 'id="preflight"' in page
    for name in ("raising", "strange", "circular", "unshown", "absent"):
        assert f"section {name} could" in log or f"section {name} can't" in log, name
