"""The Docker files: no secret has a default, every service can say how it is, and each one's own command runs.

There is no Docker here: the commands and health checks are run as they are written, on this machine, with the same environment,
against a private PostgreSQL; only addresses and /opt/airflow are replaced.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import yaml

from tests.support.repository import REPO

COMPOSE = yaml.safe_load((REPO / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
ONCE = "airflow-init"
VARIABLE = re.compile(r"\$\{(\w+)([^}]*)\}")


def variables() -> dict[str, str]:
    """Every variable that the compose file reads, with what follows its name."""
    return dict(VARIABLE.findall((REPO / "docker-compose.yml").read_text()))


def test_nothing_that_is_read_from_outside_has_a_default() -> None:
    assert variables() and all(rest.startswith(":?") for rest in variables().values()), variables()


@pytest.mark.parametrize("service", SERVICES)
def test_no_secret_is_written_in_the_file(service: str) -> None:
    settings = SERVICES[service]["environment"]
    secret = {k: v for k, v in settings.items() if re.search(r"KEY|SECRET|PASSWORD|CONN", k) and not k.endswith("_FILE")}
    assert secret and all(VARIABLE.search(str(v)) for v in secret.values()), sorted(secret)


def test_env_example_names_every_variable_and_gives_none_a_value() -> None:
    lines = [line for line in (REPO / ".env.example").read_text().splitlines() if line and not line.startswith("#")]
    assert set(lines) == {f"{name}=" for name in variables()}


@pytest.mark.parametrize("service", [s for s in SERVICES if s != ONCE])
def test_every_lasting_service_has_a_health_check(service: str) -> None:
    check = SERVICES[service]["healthcheck"]
    assert check["test"][0] == "CMD" and check["interval"] and check["timeout"] and check["retries"]


def test_airflow_services_wait_for_the_one_that_makes_the_tables() -> None:
    lasting = [s for s in SERVICES if s not in (ONCE, "postgres")]
    assert all(SERVICES[s]["depends_on"][ONCE]["condition"] == "service_completed_successfully" for s in lasting)
    assert SERVICES[ONCE]["depends_on"]["postgres"]["condition"] == "service_healthy"


def test_image_is_the_airflow_that_the_tests_run_on() -> None:
    first = (REPO / "Dockerfile").read_text().splitlines()[0]
    assert first == f"FROM apache/airflow:{version('apache-airflow')}-python{sys.version_info.major}.{sys.version_info.minor}"


def test_image_gets_every_folder_that_the_compose_file_mounts() -> None:
    copied = set(re.findall(r"^COPY --chown=airflow:0 (\w+) /opt/airflow/\1$", (REPO / "Dockerfile").read_text(), re.MULTILINE))
    mounted = {m.split(":")[1] for m in SERVICES["scheduler"]["volumes"] if m.startswith("./")}
    assert {f"/opt/airflow/{folder}" for folder in copied} == mounted


class Machine:
    """The compose file on this machine: `here` turns its text into what holds here."""

    def __init__(self, home: Path, url: sa.URL) -> None:
        self.home, self.url = home, url
        self.port, self.health, *self.logs = (free_port() for _ in range(4))
        self.values = {name: secrets.token_hex(16) for name in variables()}
        self.values["FERNET_KEY"] = urlsafe_b64encode(secrets.token_bytes(32)).decode()

    def here(self, text: str) -> str:
        text = VARIABLE.sub(lambda found: self.values[found[1]], text)
        address = self.url.render_as_string(hide_password=False)
        text = re.sub(r"postgresql\+psycopg://\S+@postgres:5432/airflow", lambda _: address, text)
        text = text.replace("/opt/airflow", str(self.home)).replace("localhost:8974", f"localhost:{self.health}")
        return re.sub(r"(apiserver|localhost):8080", f"localhost:{self.port}", text)

    def environment(self, service: str) -> dict[str, str]:
        """What the container would see, and what its image would have set."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("AIRFLOW")}
        image = {
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__API__PORT": str(self.port),
            "AIRFLOW__API__BASE_URL": f"http://localhost:{self.port}",
            "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_PORT": str(self.health),
            "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(self.logs[0]),
            "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(self.logs[1]),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PGPORT": str(self.url.port),
        }
        return kept | {k: self.here(str(v)) for k, v in SERVICES[service]["environment"].items()} | image

    def command(self, service: str) -> list[str]:
        return [self.here(part) for part in SERVICES[service]["command"]]

    def healthy(self, service: str) -> bool:
        check = [self.here(part) for part in SERVICES[service]["healthcheck"]["test"][1:]]
        return subprocess.run(check, env=self.environment(service), capture_output=True, check=False, timeout=60).returncode == 0

    @contextmanager
    def running(self, service: str) -> Iterator[subprocess.Popen[bytes]]:
        with open(self.home / f"{service}.log", "w") as log:
            process = subprocess.Popen(
                self.command(service), env=self.environment(service), stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        try:
            yield process
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def ask(self, path: str, body: dict[str, str] | None = None, token: str = "") -> Any:
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        data = json.dumps(body).encode() if body else None
        with urllib.request.urlopen(urllib.request.Request(f"http://localhost:{self.port}{path}", data, headers), timeout=30) as answer:
            return json.load(answer)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def until(what: str, ready: Any, machine: Machine, processes: dict[str, subprocess.Popen[bytes]], seconds: int = 120) -> None:
    """Wait until `ready` answers True; fail with the logs when a process ends or the time is over."""
    end = time.monotonic() + seconds
    while not ready():
        dead = [name for name, process in processes.items() if process.poll() is not None]
        if dead or time.monotonic() > end:
            logs = "\n".join(f"--- {n}\n{(machine.home / f'{n}.log').read_text()[-2000:]}" for n in (dead or processes))
            pytest.fail(f"{what}: {'ended: ' + ', '.join(dead) if dead else 'not within the time'}\n{logs}")
        time.sleep(1)


def test_services_start_with_their_own_commands_and_become_healthy(postgresql_url: sa.URL, tmp_path: Path) -> None:
    """Slow, about a minute: Airflow's four services on PostgreSQL."""
    machine = Machine(tmp_path, postgresql_url)
    for folder in ("dags", "plugins", "expectations"):
        (tmp_path / folder).symlink_to(REPO / folder)
    (tmp_path / "auth").mkdir()
    assert machine.healthy("postgres")
    made = subprocess.run(machine.command(ONCE), env=machine.environment(ONCE), capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr[-2000:]
    with machine.running("apiserver") as api, machine.running("dag-processor") as dags, machine.running("triggerer") as trigger:
        running = {"apiserver": api, "dag-processor": dags, "triggerer": trigger}
        until("apiserver", lambda: machine.healthy("apiserver"), machine, running)
        with machine.running("scheduler") as scheduler:
            running["scheduler"] = scheduler
            for service in ("scheduler", "dag-processor", "triggerer"):
                until(service, lambda s=service: machine.healthy(s), machine, running)
            login = {"username": "admin", "password": machine.values["ADMIN_PASSWORD"]}
            token = machine.ask("/auth/token", login)["access_token"]

            def parsed() -> bool:
                return {d["dag_id"] for d in machine.ask("/api/v2/dags", token=token)["dags"]} >= {"flights", "flights__undo"}

            until("the DAGs", parsed, machine, running)
            assert machine.ask("/api/v2/importErrors", token=token)["total_entries"] == 0
            assert "penstock" in {p["name"] for p in machine.ask("/api/v2/plugins", token=token)["plugins"]}
