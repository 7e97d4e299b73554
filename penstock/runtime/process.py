"""What a process that works for Penstock sets for itself. Importing Penstock sets nothing: other people's code lives in the same process.

The command line and the operators call `tune` when their work begins.
"""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from contextlib import suppress

_MMAP_THRESHOLD = -3  # M_MMAP_THRESHOLD of glibc's malloc.h
_LARGE = 1 << 20
_YOUNG, _MIDDLE, _OLD = 50_000, 20, 50


def tune() -> None:
    """Set the memory and the garbage collector of this process for a task. It can be called again."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "False")
    _arrow()
    _malloc()
    _collector()


def _arrow() -> None:
    """Arrow's own allocator keeps what it was given, a hundred megabytes for one long value; the system's gives it back."""
    if "pyarrow" not in sys.modules:
        # Arrow asks once, when it is imported; only then the pool is also the one of Parquet.
        os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
        return
    import pyarrow as pa

    pa.set_memory_pool(pa.system_memory_pool())


def _malloc() -> None:
    """What is larger goes back to the system at once: the C library would keep it, or the holes that it leaves."""
    with suppress(AttributeError, OSError):  # only glibc has it
        ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, _LARGE)


def _collector() -> None:
    """Modules that are imported are no garbage: looking through them again and again was a seventh of a run of many tables."""
    if not gc.get_freeze_count():  # once: what is frozen later may be garbage, and would be kept
        gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)
