"""A private S3 API on a free port of this machine only: moto's server, for tests and the attack. It keeps its objects in memory."""

from __future__ import annotations

import http.client
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pyarrow.fs as pafs

from tools.airflow_server import free_port

_KEY = "penstock"
ENVIRONMENT = {"AWS_ACCESS_KEY_ID": _KEY, "AWS_SECRET_ACCESS_KEY": _KEY, "AWS_EC2_METADATA_DISABLED": "true"}
"""What a client needs in its environment. moto accepts any key."""


@dataclass(frozen=True)
class S3:
    """A running server."""

    port: int
    log: Path

    def requests(self) -> int:
        """How many requests it has answered: it writes each down shortly after the answer."""
        time.sleep(0.2)
        return sum(line.count(" HTTP/1.1") for line in self.log.read_text(errors="replace").splitlines())

    def bucket(self) -> str:
        """The URL of a folder in a new bucket, as `pyarrow.fs` opens it."""
        name = f"penstock-{secrets.token_hex(6)}"
        self._wait()
        with _connected(self.port) as client:
            client.request("PUT", f"/{name}")
            assert client.getresponse().status == 200
        return f"s3://{name}/staging?endpoint_override=127.0.0.1:{self.port}&scheme=http&region=us-east-1"

    def filesystem(self) -> pafs.S3FileSystem:
        """The store, for a process without `ENVIRONMENT`."""
        return pafs.S3FileSystem(
            access_key=_KEY, secret_key=_KEY, endpoint_override=f"127.0.0.1:{self.port}", scheme="http", region="us-east-1"
        )

    def _wait(self) -> None:
        until = time.monotonic() + 60
        while True:
            with suppress(OSError), _connected(self.port) as client:
                client.request("GET", "/")
                client.getresponse().read()
                return
            if time.monotonic() > until:
                raise TimeoutError("the S3 server did not start")
            time.sleep(0.1)


@contextmanager
def s3_server() -> Iterator[S3]:
    """Start a server without waiting for it, and stop it at the end."""
    port = free_port()
    command = [sys.executable, "-c", "from moto.server import main; main()", "-H", "127.0.0.1", "-p", str(port)]
    with (
        tempfile.NamedTemporaryFile(prefix="penstock-s3-", suffix=".log") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as process,
    ):
        try:
            yield S3(port, Path(log.name))
        finally:
            process.terminate()
            process.wait(30)


@contextmanager
def _connected(port: int) -> Iterator[http.client.HTTPConnection]:
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        yield client
    finally:
        client.close()
