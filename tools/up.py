"""Airflow with its UI on localhost, the demo's migration in it, until Ctrl-C. The password is made anew each time."""

from __future__ import annotations

import os
import secrets
import signal
import sys
import time

from tools.airflow_server import REPO, Failed, airflow_server
from tools.demo import build_source, environment

PORT = int(os.environ.get("PORT", "8080"))
HOME = REPO / ".airflow"


def main() -> int:
    build_source()
    password = secrets.token_urlsafe(12)
    # Airflow's own data is in SQLite here: more tasks at once and its scheduler dies of "database is locked".
    settings = environment() | {"AIRFLOW__CORE__PARALLELISM": "4"}
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    print(f"starting Airflow, its logs are in {HOME}", flush=True)
    try:
        with airflow_server(HOME, f"sqlite:///{HOME}/airflow.db", settings, {"admin": password}, PORT) as airflow:
            print(f"\n  {airflow.url}   user admin   password {password}\n\nCtrl-C ends it", flush=True)
            while True:
                airflow.check()
                time.sleep(1)
    except KeyboardInterrupt:
        return 0
    except Failed as failure:
        print(failure, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
