"""What an error of a disk or an object store means for a run: no room, no right to write, no way to it."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from penstock.errors import ConnectionFailed, NoSpace, NotWritable, PenstockError
from penstock.runtime.formatting import size

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_CLOSED = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})
# The codes of object stores, which Arrow gives as text: S3 and compatible ones, Google Cloud Storage, Azure.
_STORE_FULL = ("QuotaExceeded", "XMinioStorageFull", "InsufficientStorage", "InsufficientCapacity", "quotaExceeded", "HTTP status 507")
_STORE_AWAY = ("AWS Error NETWORK_CONNECTION", "AWS Error SERVICE_UNAVAILABLE", "AWS Error REQUEST_TIMEOUT", "AWS Error SLOW_DOWN")
_STORE_CLOSED = ("AWS Error ACCESS_DENIED",)
_GO_ON = "run the same command again, or retry the task: it goes on where it stopped"


def fault(error: BaseException, place: str = "", file: Path | None = None) -> PenstockError | None:
    """The fault that `error` is; None for an error that is about none of these.

    place: of the file, as it may be shown; "" where it is a temporary one.  file: what is written, where it is on this machine's disk.
    """
    if not isinstance(error, OSError):
        return None
    place = place or f"temporary files in {tempfile.gettempdir()}"
    if error.errno in _FULL or any(code in str(error) for code in _STORE_FULL):
        fix = f"make room there (`penstock clean` removes what has expired), then {_GO_ON}"
        return NoSpace("there is no room left for a file of the run", place, f"{_words(error)}{_room(file)}", fix)
    if any(code in str(error) for code in _STORE_AWAY):
        return ConnectionFailed("lost the connection to the object store", place, _words(error), f"when it can be reached: {_GO_ON}")
    if error.errno in _CLOSED or any(code in str(error) for code in _STORE_CLOSED):
        fix = f"give the user that runs Penstock the right to write there, then {_GO_ON}"
        return NotWritable("a file of the run can't be written", place, _words(error), fix)
    return None


def _words(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else next(iter(str(error).splitlines()), "")


def _room(file: Path | None) -> str:
    """How much of the file is written, and how much room there is."""
    with suppress(OSError):
        if file:
            return f": {size(file.stat().st_size)} of the file are written, and {size(shutil.disk_usage(file.parent).free)} are free"
    return ""
