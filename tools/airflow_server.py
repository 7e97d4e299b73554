"""A private Airflow on this machine: its four parts started, watched and stopped; for `make up`, the backfill tool and the tests.

`airflow standalone` goes on when one of its parts has died, and answers on: here a part that dies is noticed and named.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import sqlalchemy as sa

REPO = Path(__file__).resolve().parent.parent
PARTS = ("api-server", "dag-processor", "scheduler", "triggerer")
LEADERS = "parts.json"
"""A file in the home while Airflow runs: its parts' process numbers, and when each of them started."""
PATIENCE = 300.0
"""Seconds until Airflow must be up; a few dozen are usual."""
LINES, WIDTH = 20, 300
"""How much of a part's log a failure shows: its last lines, and so many characters of each."""
_SUCCEEDED = re.compile(r"request finished .* status_code=[23]")


class Failed(Exception):
    """Airflow did not come up, or one of its parts has died; the text names it and ends its log."""


@dataclass(frozen=True)
class Airflow:
    """A running Airflow. `passwords`: of its users; `parts`: its processes by name, each one's log is `home/<name>.log`."""

    home: Path
    url: str
    passwords: Mapping[str, str]
    environment: Mapping[str, str] = field(repr=False)
    parts: Mapping[str, subprocess.Popen[bytes]]
    _logins: dict[str, str] = field(default_factory=dict, repr=False)

    def ask(self, path: str, body: Any = None, user: str | None = "admin", method: str | None = None) -> Any:
        """What the API answers to `user` (None: to nobody). Raises urllib.error.HTTPError."""
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {self._login(user)}"} if user else {})
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(self.url + path, data, headers, method=method), timeout=60) as answer:
            return json.load(answer)

    def token(self, user: str) -> str:
        """A new login of `user`."""
        return str(self.ask("/auth/token", {"username": user, "password": self.passwords[user]}, user=None)["access_token"])

    def _login(self, user: str) -> str:
        """The same login of `user` for all requests; it is valid for a day."""
        if user not in self._logins:
            self._logins[user] = self.token(user)
        return self._logins[user]

    def unpause(self, dag_id: str) -> None:
        """Start the DAG's schedule, and let runs of it that are queued go on."""
        self.ask(f"/api/v2/dags/{dag_id}", {"is_paused": False}, method="PATCH")

    def command(self, *arguments: str) -> str:
        """What `airflow <arguments>` says. Raises CalledProcessError."""
        done = subprocess.run(airflow(*arguments), env=self.environment, check=True, capture_output=True, text=True)
        return done.stdout

    def until(self, what: str, so: Any, patience: float = PATIENCE) -> Any:
        """The first true answer of `so()`. Raises Failed when a part dies or the time is over; a refused connection is no answer yet."""
        end = time.monotonic() + patience
        while True:
            self.check()
            try:
                if answer := so():
                    return answer
            except OSError:  # not there yet; HTTPError is one too
                pass
            if time.monotonic() > end:
                raise Failed(f"{what}: not within {patience:.0f} s\n{self.unfinished()}\n{self.told(*self.parts)}")
            time.sleep(0.3)

    def check(self) -> None:
        """Raises Failed when a part has died."""
        if dead := [name for name, process in self.parts.items() if process.poll() is not None]:
            raise Failed(f"ended by itself: {', '.join(dead)}\n{self.told(*dead)}")

    def healthy(self) -> bool:
        """Whether every part says of itself that it lives."""
        health = self.ask("/api/v2/monitor/health", user=None)
        return all(part["status"] == "healthy" for part in health.values())

    def told(self, *names: str) -> str:
        """The last lines of these parts' logs, without the requests that succeeded."""
        found = []
        for name in names:
            lines = (self.home / f"{name}.log").read_text(errors="replace").splitlines()
            last = [line[:WIDTH] for line in lines[-1000:] if line.strip() and not _SUCCEEDED.search(line)][-LINES:]
            found.append("\n".join([f"--- {name}", *last]))
        return "\n".join(found)

    def unfinished(self) -> str:
        """A line for each run that has not ended, or has failed, with what of its tasks has not succeeded; nothing when Airflow is down."""
        try:
            runs = self.ask("/api/v2/dags/~/dagRuns?state=queued&state=running&state=failed&order_by=-run_after&limit=100")["dag_runs"]
            return "\n".join(self._tasks(run) for run in runs)
        except OSError:
            return ""

    def _tasks(self, run: Mapping[str, Any]) -> str:
        place = f"/api/v2/dags/{run['dag_id']}/dagRuns/{urllib.parse.quote(run['dag_run_id'], safe='')}/taskInstances?limit=100"
        tasks = [(t["task_id"], t["state"]) for t in self.ask(place)["task_instances"]]
        done = sum(state == "success" for _, state in tasks)
        left = [f"{task} {state}" for task, state in tasks if state not in (None, "success", "skipped", "upstream_failed")]
        return "; ".join([f"{run['dag_id']} {run['dag_run_id']} {run['state']}: {done} of {len(tasks)} tasks succeeded", *left])


@contextmanager
def airflow_server(
    home: Path, database: str, settings: Mapping[str, str], passwords: Mapping[str, str], port: int | None = None
) -> Iterator[Airflow]:
    """Start Airflow with `home` for its logs and `database` (an empty one's URL) for its data; stop all of it at the end.

    settings: more environment, the DAG folder for instance.  passwords: of users that are called like their roles: admin, op, user, viewer.
    Parts that still run with `home`, because whoever started them was killed, are stopped first.
    Raises Failed.
    """
    home.mkdir(parents=True, exist_ok=True)
    stop_left_over(home)
    if port is not None and _in_use(port):
        raise Failed(f"port {port} is in use by another program. Fix: stop that program, or choose another port")
    address, *logs = (port or free_port(), free_port(), free_port())
    kept = home / "passwords.json"
    kept.touch(0o600)
    kept.write_text(json.dumps(passwords))
    url = f"http://localhost:{address}"
    of_its_own = {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__API__PORT": str(address),
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{address}/execution/",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(REPO / "plugins"),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{user}:{user}" for user in passwords),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(kept),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database,
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": re.sub("^sqlite:", "sqlite+aiosqlite:", database),
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(logs[0]),
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(logs[1]),
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",  # a task that has ended is seen so much sooner; 1 is the default
        # A task's worker looks this often whether the task is over, where it has missed its end; 5 is the default.
        "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, [str(REPO), os.environ.get("PYTHONPATH")])),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    environment = os.environ | settings | of_its_own
    with open(home / "migrate.log", "w") as log:
        migrated = subprocess.run(airflow("db", "migrate"), env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False)
    if migrated.returncode:
        raise Failed(f"airflow db migrate failed\n{(home / 'migrate.log').read_text()[-3000:]}")
    parts: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for name in PARTS:
            parts[name] = _started(name, home, environment)
            (home / LEADERS).write_text(json.dumps({part.pid: psutil.Process(part.pid).create_time() for part in parts.values()}))
        running = Airflow(home, url, passwords, environment, parts)
        running.until("Airflow", running.healthy)
        yield running
    finally:
        stop(*parts.values())
        (home / LEADERS).unlink(missing_ok=True)


def airflow(*arguments: str) -> list[str]:
    """The command line of Airflow in this Python's environment."""
    return [sys.executable, "-m", "airflow", *arguments]


def connection(url: sa.URL) -> str:
    """A PostgreSQL database as the value of an AIRFLOW_CONN_ variable."""
    place = {"host": url.host, "port": url.port, "login": url.username, "password": url.password, "schema": url.database}
    return json.dumps({"conn_type": "postgres"} | place)


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _started(name: str, home: Path, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """A part of Airflow in a session of its own, so that Ctrl-C reaches only us and all that it has started can be found."""
    with open(home / f"{name}.log", "w") as log:
        return subprocess.Popen(
            airflow(name), env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )


def stop(*leaders: subprocess.Popen[bytes]) -> None:
    """End every process of these leaders' sessions, gently, then not. Not their groups: each running task is a group of its own."""
    _end({leader.pid for leader in leaders})
    for leader in leaders:
        leader.wait()


def _end(sessions: set[int]) -> None:
    for end, patience in ((psutil.Process.terminate, 5.0), (psutil.Process.kill, 5.0)):
        found = [process for process in psutil.process_iter() if _session(process.pid) in sessions]
        for process in found:
            with suppress(psutil.NoSuchProcess):
                end(process)
        psutil.wait_procs(found, patience)


def stop_left_over(home: Path) -> None:
    """Stop the parts that the file LEADERS names. A number that another program has by now is not one of them."""
    if not (home / LEADERS).exists():
        return
    started = {int(pid): float(at) for pid, at in json.loads((home / LEADERS).read_text() or "{}").items()}
    _end({pid for pid, at in started.items() if not psutil.pid_exists(pid) or abs(psutil.Process(pid).create_time() - at) < 1})
    (home / LEADERS).unlink()


def _in_use(port: int) -> bool:
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # one that is only just closed is free
        try:
            tried.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return -1
