"""Runs in processes that are killed: several servers of tests/support/kill_at.py beside each other."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from queue import SimpleQueue

from tests.support.repository import REPO

Job = list[object]


@contextmanager
def fork_servers(count: int) -> Iterator[Callable[..., None]]:
    """A function run_all(jobs, at_a_time=count): runs jobs of tests.kill_at, each until it ends well; one that names an event is killed there first."""
    command = [sys.executable, "-m", "tests.support.kill_at"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": REPO}
    servers: SimpleQueue[subprocess.Popen[str]] = SimpleQueue()
    started = [subprocess.Popen(command, **pipes) for _ in range(count)]  # type: ignore[call-overload]
    for server in started:
        servers.put(server)

    def one(job: Job) -> None:
        server = servers.get()
        try:
            for line in ([job] if job[0] != "none" else []) + [["none", 1, *job[2:]]]:
                server.stdin.write(json.dumps(line) + "\n")  # type: ignore[union-attr]
                server.stdin.flush()  # type: ignore[union-attr]
                code = int(server.stdout.readline())  # type: ignore[union-attr]
                assert code == (0 if line[0] == "none" else -signal.SIGKILL), line
        finally:
            servers.put(server)

    def run_all(jobs: list[Job], at_a_time: int = count) -> None:
        with ThreadPoolExecutor(at_a_time) as pool:
            list(pool.map(one, jobs))

    yield run_all
    for server in started:
        server.stdin.close()  # type: ignore[union-attr]
        server.wait()
