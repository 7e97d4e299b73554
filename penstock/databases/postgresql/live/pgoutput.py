"""The messages of pgoutput, the output plugin that every PostgreSQL has.

Source: https://www.postgresql.org/docs/current/protocol-logicalrep-message-formats.html
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence

from penstock.databases.change_log import Began, Change, ChangeReader, Committed, Event, Followed, Idle, Marked, Silent, Truncated
from penstock.databases.postgresql.live import shapes
from penstock.databases.postgresql.live.wire import MOMENT_OFFSET, Wire
from penstock.errors import StreamLost

PREFIX = "penstock"
"""Of the messages that are ours."""
_BEGIN, _COMMIT, _RELATION, _TRUNCATE, _MESSAGE = b"B", b"C", b"R", b"T", b"M"
_ROWS = frozenset(b"IUD")


class Reader(ChangeReader):
    """The changes of some tables, as the stream brings them."""

    def __init__(self, wire: Wire, tables: Sequence[Followed], planned: Mapping[str, tuple[str, ...]]) -> None:
        self._wire, self._planned = wire, planned
        self._names = {(t.place.schema, t.place.name): t.name for t in tables}
        self._relations: dict[bytes, str] = {}  # the number of a table in this stream, and its name in the run

    def confirm(self, position: int) -> None:
        self._wire.confirm(position)

    def events(self, wait: float) -> Iterator[Event]:
        within = False  # a transaction, which then is not whole yet: what a keepalive says is no progress
        for frame in self._wire.frames(wait):
            if frame is None:
                yield Silent()
            elif frame.data is None:
                if not within:
                    yield Idle(frame.end)
            elif frame.data[0] in _ROWS:
                yield Change(self._table(frame.data[1:5]), frame.data)
            else:
                kind = frame.data[:1]
                within = kind == _BEGIN or (within and kind != _COMMIT)
                yield from self._other(kind, frame.data)

    def _other(self, kind: bytes, data: bytes) -> Iterator[Event]:
        if kind == _BEGIN:
            commit, at = struct.unpack_from(">qq", data, 1)
            yield Began(commit, at + MOMENT_OFFSET)
        elif kind == _COMMIT:
            yield Committed(int.from_bytes(data[10:18], "big"))
        elif kind == _RELATION:
            self._declared(data)
        elif kind == _TRUNCATE:
            (count,) = struct.unpack_from(">i", data, 1)
            numbers = (data[6 + 4 * n : 10 + 4 * n] for n in range(count))
            yield Truncated(tuple(self._relations[n] for n in numbers if n in self._relations))
        elif kind == _MESSAGE:
            prefix, _, rest = data[10:].partition(b"\0")
            if prefix.decode() == PREFIX:
                yield Marked(rest[4:].decode())

    def _declared(self, data: bytes) -> None:
        """Keep the number of a table that is followed. Raises SchemaChanged."""
        schema, name, rest = data[5:].split(b"\0", 2)
        table = self._names.get((schema.decode() or "pg_catalog", name.decode()))
        if table is not None:  # of a partition, changes come as those of its root
            self._relations[data[1:5]] = table
            shapes.compare(table, self._planned[table], shapes.sent(rest))

    def _table(self, number: bytes) -> str:
        try:
            return self._relations[number]
        except KeyError:
            what = "the stream has changes of a table that is not followed"
            raise StreamLost(what, why="somebody has changed the publication", fix="start a new run: `penstock run --new`") from None
