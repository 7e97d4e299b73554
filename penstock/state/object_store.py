"""Files of an object store: each is written by one request, and read by two.

A file is made in memory, or beyond 64 MiB in a temporary file on this machine, and sent when it is whole. So an error while it is made
leaves nothing at the store, and its hash is known without reading it again. Arrow sends up to 10 MB in one request, and more in parts.
A process that is killed meanwhile leaves an upload that was begun: a rule of the bucket removes it (docs/explanation/staging.md).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import IO

import pyarrow as pa
import pyarrow.fs as pafs

IN_MEMORY = 64 << 20
"""Bytes of a file that is written or read in memory."""
_PIECE = 8 << 20


@dataclass
class Upload:
    """A file that is being made. stream: what to write to.  bytes, sha256: of the file, once it has been sent."""

    stream: pa.NativeFile
    bytes: int = 0
    sha256: str = ""


@contextmanager
def upload(filesystem: pafs.FileSystem, place: str) -> Iterator[Upload]:
    """A file that is sent to `place` when the with block ends without an error. Raises OSError."""
    with SpooledTemporaryFile(max_size=IN_MEMORY) as held:
        made = Upload(pa.PythonFile(held, mode="w"))
        yield made
        held.seek(0)
        made.sha256, made.bytes = hashlib.file_digest(held, "sha256").hexdigest(), held.tell()
        _send(filesystem, place, held, made.bytes)


def _send(filesystem: pafs.FileSystem, place: str, held: IO[bytes], size: int) -> None:
    held.seek(0)
    try:
        with filesystem.open_output_stream(place) as out:
            while piece := held.read(_PIECE if size > IN_MEMORY else size):
                out.write(piece)
    except OSError:
        if size > IN_MEMORY:  # to close the stream is to complete what was sent so far: Arrow has no way to abort it
            with suppress(OSError):
                filesystem.delete_file(place)
        raise


def content(file: pa.NativeFile) -> pa.NativeFile:
    """An opened file, read into memory at once unless it is too large for that."""
    return pa.BufferReader(file.read_buffer()) if file.size() <= IN_MEMORY else file
