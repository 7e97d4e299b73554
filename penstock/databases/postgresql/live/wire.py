"""A replication connection by psycopg's own libpq, and the frames of a stream that come over it.

psycopg has no class for replication; its libpq has all that it takes (psycopg/psycopg#71). Only the simple protocol: no parameters.
Source: https://www.postgresql.org/docs/current/protocol-replication.html
"""

from __future__ import annotations

import select
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

import psycopg
import sqlalchemy as sa
from psycopg import pq
from psycopg.conninfo import make_conninfo

from penstock.databases._shared import keepalive
from penstock.databases._shared.ansi import literal, quoted
from penstock.errors import ConnectionFailed, StreamLost
from penstock.model import address

_EPOCH = 946_684_800  # 2000-01-01, in seconds since 1970
MOMENT_OFFSET = _EPOCH * 1_000_000
_EVERY = 10  # seconds; a walsender that hears nothing for wal_sender_timeout (60 s) ends the session
_SETTINGS = {
    "TimeZone": "UTC",
    "DateStyle": "ISO",
    "IntervalStyle": "iso_8601",
    "bytea_output": "hex",
    "extra_float_digits": "3",
    "lc_monetary": "C",
    "client_encoding": "UTF8",
}
_BUSY = 10  # seconds that the walsender of a reader that was killed may live on
_GONE = frozenset({"42704", "55000"})  # undefined_object, object_not_in_prerequisite_state


class Refused(Exception):
    """The server refuses a command. state: its SQLSTATE."""

    def __init__(self, message: str, state: str) -> None:
        super().__init__(message)
        self.state = state


class Frame(NamedTuple):
    """data: a message of pgoutput, None in a keepalive.  end: up to where the log has been read."""

    data: bytes | None
    end: int


@contextmanager
def connected(engine: sa.Engine) -> Iterator[pq.abc.PGconn]:
    """A replication connection to the database of an engine. Raises ConnectionFailed."""
    _, given = engine.dialect.create_connect_args(engine.url)
    kept = str(given.pop("options", "") or "")
    given = {**keepalive.absent(engine.url), **{k: v for k, v in given.items() if k != "context"}}  # which psycopg alone knows
    options = " ".join([kept, *(f"-c {name}={value}" for name, value in _SETTINGS.items())]).strip()
    connection = pq.PGconn.connect(make_conninfo(**{**given, "replication": "database", "options": options}).encode())
    try:
        if connection.status != pq.ConnStatus.OK:
            why = address.without_secrets(connection.get_error_message().strip(), engine.url)
            fix = "let pg_hba.conf admit this user, and give it the attribute REPLICATION; a pooler can't carry a stream"
            raise ConnectionFailed("can't open a replication connection to the source", address.shown(engine.url), why, fix)
        yield connection
    finally:
        connection.finish()


def ask(connection: pq.abc.PGconn, command: str) -> list[str]:
    """The first row of what a command answers. Raises Refused."""
    result = connection.exec_(command.encode())
    if result.status not in (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK):
        raise _refused(result)
    return [(result.get_value(0, n) or b"").decode() for n in range(result.nfields)] if result.ntuples else []


def _refused(result: pq.abc.PGresult) -> Refused:
    state = result.error_field(pq.DiagnosticField.SQLSTATE) or b""
    return Refused((result.error_field(pq.DiagnosticField.MESSAGE_PRIMARY) or b"").decode(), state.decode())


def create_slot(connection: pq.abc.PGconn, name: str, patience: float, temporary: bool = False) -> tuple[str, str]:
    """Make a slot. Answers its position and its snapshot, which is there until the connection is used again or closed.

    patience: how many seconds it waits for transactions that write and are open now. Raises TimeoutError, Refused.
    """
    kind = "TEMPORARY LOGICAL" if temporary else "LOGICAL"
    connection.send_query(f"CREATE_REPLICATION_SLOT {quoted(name)} {kind} pgoutput EXPORT_SNAPSHOT".encode())
    until = time.monotonic() + patience
    while connection.is_busy():
        if not select.select([connection.socket], [], [], max(0.0, until - time.monotonic()))[0]:
            connection.get_cancel().cancel()
            while connection.get_result():
                pass
            raise TimeoutError
        connection.consume_input()
    result = connection.get_result() or _no_result()
    if result.status != pq.ExecStatus.TUPLES_OK:
        raise _refused(result)
    position, snapshot = ((result.get_value(0, n) or b"").decode() for n in (1, 2))
    while connection.get_result():
        pass
    return position, snapshot


class Wire:
    """The frames of a slot's stream. What is confirmed is said again every few seconds, also while nobody reads."""

    def __init__(self, connection: pq.abc.PGconn, where: str, confirmed: int) -> None:
        self._connection, self._where, self._confirmed = connection, where, confirmed
        self._lock, self._ended = threading.Lock(), threading.Event()
        self._telling = threading.Thread(target=self._tell_often, name="penstock-stream", daemon=True)

    def start(self, slot: str, publication: str, position: str) -> None:
        """Begin to stream. Raises StreamLost, ConnectionFailed."""
        options = f"proto_version '1', publication_names {literal(quoted(publication))}, messages 'true'"
        command = f"START_REPLICATION SLOT {quoted(slot)} LOGICAL {position} ({options})".encode()
        until = time.monotonic() + _BUSY
        while (result := self._connection.exec_(command)).status != pq.ExecStatus.COPY_BOTH:
            refused = _refused(result)
            if refused.state != "55006" or time.monotonic() > until:  # object_in_use
                raise self._fault(refused)
            time.sleep(0.2)
        self._connection.nonblocking = 1
        self._telling.start()

    def stop(self) -> None:
        self._ended.set()
        if self._telling.is_alive():
            self._telling.join()
        with suppress(psycopg.Error, OSError):
            self._tell()

    def confirm(self, position: int) -> None:
        self._confirmed = max(self._confirmed, position)

    def frames(self, wait: float) -> Iterator[Frame | None]:
        """The frames as they come; None after `wait` seconds in which none came. Raises ConnectionFailed, StreamLost."""
        while True:
            with self._lock:
                size, data = self._connection.get_copy_data(1)
            if size > 0:
                yield self._frame(data)
            elif size < 0:
                raise self._fault(_refused(self._connection.get_result() or _no_result()))
            elif not self._arrived(wait):
                yield None

    def _arrived(self, wait: float) -> bool:
        """Whether the server has sent something within so many seconds."""
        try:
            if not select.select([self._connection.socket], [], [], wait)[0]:
                return False
            with self._lock:
                self._connection.consume_input()
        except (psycopg.Error, OSError) as error:
            raise self._fault(Refused(str(error), "")) from None
        return True

    def _frame(self, data: memoryview) -> Frame:
        if data[0] == ord("w"):  # its start, the end of the log (8 bytes each), the time (8), the message
            return Frame(bytes(data[25:]), int.from_bytes(data[1:9], "big"))
        if data[17]:
            self._tell()
        return Frame(None, int.from_bytes(data[1:9], "big"))

    def _tell_often(self) -> None:
        while not self._ended.wait(_EVERY):
            try:
                self._tell()
            except (psycopg.Error, OSError):  # the next frame says what is wrong
                return

    def _tell(self) -> None:
        now = int(time.time() * 1e6) - MOMENT_OFFSET
        with self._lock:
            self._connection.put_copy_data(b"r" + struct.pack(">qqqqB", self._confirmed, self._confirmed, self._confirmed, now, 0))
            self._connection.flush()

    def _fault(self, refused: Refused) -> StreamLost | ConnectionFailed:
        if refused.state in _GONE:
            fix = "start a new run (`penstock run --new`): it takes a new snapshot"
            return StreamLost("the source no longer has the changes that come next", self._where, str(refused), fix)
        what = "another session reads the stream" if refused.state == "55006" else "lost the stream of the source's changes"
        return ConnectionFailed(what, self._where, str(refused), "run the same command again: it goes on from what is staged")


def _no_result() -> pq.abc.PGresult:
    raise ConnectionFailed("lost the stream of the source's changes", fix="run the same command again: it goes on from what is staged")
