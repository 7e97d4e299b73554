"""Airflow with its UI on localhost, the demo's migration in it, until Ctrl-C. The password is made anew each time."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from demo import REPO, build_source, environment

PORT = int(os.environ.get("PORT", "8080"))
HOME = REPO / ".airflow"


def main() -> int:
    build_source()
    HOME.mkdir(exist_ok=True)
    password = secrets.token_urlsafe(12)
    passwords = HOME / "passwords.json"
    passwords.touch(0o600)
    passwords.write_text(json.dumps({"admin": password}))
    settings = environment() | {
        "AIRFLOW__API__PORT": str(PORT),
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__BASE_URL": f"http://localhost:{PORT}",
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://localhost:{PORT}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        # Airflow's own data is in SQLite here: more tasks at once and its scheduler dies of "database is locked".
        "AIRFLOW__CORE__PARALLELISM": "4",
    }
    programs = Path(sys.executable).parent
    settings["PATH"] = f"{programs}{os.pathsep}{os.environ['PATH']}"  # standalone starts its parts by the name `airflow`
    with open(HOME / "up.log", "w") as log:
        # A session of its own: Ctrl-C reaches only us, and all of Airflow's processes can be ended together.
        airflow = subprocess.Popen(
            [str(programs / "airflow"), "standalone"],
            env=os.environ | settings,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.default_int_handler)
        patience = time.monotonic() + 240
        try:
            print(f"starting Airflow, its log is {HOME / 'up.log'}", flush=True)
            while not ready():
                # standalone goes on when one of its parts has died: only the time tells
                if airflow.poll() is not None or time.monotonic() > patience:
                    print("Airflow did not come up; see its log", file=sys.stderr)
                    return 1
                time.sleep(1)
            print(f"\n  http://localhost:{PORT}   user admin   password {password}\n\nCtrl-C ends it", flush=True)
            airflow.wait()
            return 1
        except KeyboardInterrupt:
            return 0
        finally:
            stop(airflow)


def ready() -> bool:
    """Whether the UI answers and the scheduler lives: the UI alone goes on answering when the scheduler is dead."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/api/v2/monitor/health", timeout=5) as answer:
            return bool(json.load(answer)["scheduler"]["status"] == "healthy")
    except (OSError, urllib.error.URLError, ValueError):
        return False


def stop(airflow: subprocess.Popen[bytes]) -> None:
    """End the whole process group, which outlives the process that made it: gently, then not."""
    for number, patience in ((signal.SIGTERM, 20.0), (signal.SIGKILL, 5.0)):
        try:
            os.killpg(airflow.pid, number)
            while patience > 0:
                airflow.poll()
                os.killpg(airflow.pid, 0)
                time.sleep(0.2)
                patience -= 0.2
        except ProcessLookupError:
            return


if __name__ == "__main__":
    sys.exit(main())
