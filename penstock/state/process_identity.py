"""Which process this is, so that another one can name it, and see whether it is still there."""

from __future__ import annotations

import getpass
import os
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

_STOPPED = frozenset("TtZX")
"""States of a process in /proc that does nothing: stopped by a signal or a debugger, ended and not yet collected (proc(5))."""


@dataclass(frozen=True)
class ProcessIdentity:
    """A process. machine: where its number is its own: one boot of one machine or container.  started: by that machine's clock ticks.

    does: what it was started for, in words.
    """

    host: str
    machine: str
    pid: int
    started: str
    user: str
    does: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host} (user {self.user}, {self.does})"

    @property
    def here(self) -> bool:
        """Whether it runs on this machine, so that `gone` can tell."""
        return self.machine == _machine()

    @property
    def this(self) -> bool:
        """Whether it is this process."""
        return self.here and self.pid == os.getpid() and self.started == _stat(self.pid)[1]

    @property
    def gone(self) -> bool:
        """Whether it has ended, or is stopped and does nothing. Only for one that is `here`."""
        state, started = _stat(self.pid)
        return not state or state in _STOPPED or started != self.started


def current(does: str) -> ProcessIdentity:
    """This process."""
    pid = os.getpid()
    return ProcessIdentity(socket.gethostname(), _machine(), pid, _stat(pid)[1], _user(), does)


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        return str(os.getuid()) if hasattr(os, "getuid") else "unknown"


def _machine() -> str:
    """Containers of one machine have process numbers of their own, and may have one host name."""
    boot, space = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/pid")
    try:
        return f"{boot.read_text().strip()} {os.readlink(space)}"
    except OSError:
        return socket.gethostname()


def _stat(pid: int) -> tuple[str, str]:
    """The state of a process, and when it began; empty texts when there is none."""
    if not sys.platform.startswith("linux"):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return "", ""
        except PermissionError:
            pass
        return "R", ""
    try:
        parts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return "", ""
    return parts[0], parts[19]
