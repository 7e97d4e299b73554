"""The HTML pages: report.html and the pages in Airflow's UI. They are made from records alone, and everything in them is escaped.

The plugin `penstock_ui` serves them.
"""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent
ASSETS = {"penstock.css": "text/css; charset=utf-8", "penstock.js": "text/javascript; charset=utf-8"}
"""The files that pages load, and their types."""
