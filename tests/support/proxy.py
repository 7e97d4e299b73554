"""A TCP proxy before a server, which cuts connections or goes silent: what a crash, a failover or a firewall looks like to a client."""

from __future__ import annotations

import ctypes
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread

_ATTACH_FILTER = 26  # SO_ATTACH_FILTER of Linux
_DROP_ALL = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0))  # BPF: accept no byte of any packet


class Proxy:
    """Forwards connections to (host, port); `port` is its own."""

    def __init__(self, host: str, port: int) -> None:
        self._behind = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._frozen: list[tuple[socket.socket, socket.socket]] = []
        self._down = False
        Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """End every connection, and let in no new one until `mend`."""
        self._down = True
        for pair in self._pairs:
            for end in pair:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
        self._pairs.clear()

    def freeze(self) -> None:
        """Go silent: the clients' packets are dropped, so that not even TCP answers. New connections are let in; `mend` ends the old ones."""
        for client, _ in self._pairs:
            client.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, struct.pack("HL", 1, ctypes.addressof(_DROP_ALL)))
        self._frozen, self._pairs = self._pairs, []

    def mend(self) -> None:
        self._down = False
        for _, server in self._frozen:
            with suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.cut()
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self._down:
                    client.close()
                    continue
                server = socket.create_connection(self._behind)
                self._pairs.append((client, server))
                for one, other in ((client, server), (server, client)):
                    Thread(target=_forward, args=(one, other), daemon=True).start()


def _forward(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while piece := one.recv(65_536):
            other.sendall(piece)
    with suppress(OSError):
        other.shutdown(socket.SHUT_WR)


@contextmanager
def proxied(host: str, port: int) -> Iterator[Proxy]:
    """A proxy that is gone in the end."""
    made = Proxy(host, port)
    try:
        yield made
    finally:
        made.close()
