"""Encrypted files: what is written is encrypted in segments, and can be read from any place.

The construction is that of Tink's streaming AEAD, AES256_GCM_HKDF: a header with a random salt and a nonce prefix, then segments of
AES-256-GCM. HKDF makes the key of the file of its salt; the nonce of a segment is the prefix, the segment's number, and whether it is the
last. So segments can't be changed, moved, left out or cut off unseen, and no nonce is ever used twice with one key.

It lies beneath the Parquet file, not inside. Parquet's own encryption was tried: DuckDB 2.0, by which the gates read, fails on such files
of PyArrow as soon as a filter skips a page ("Computed AES tag differs").
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from penstock.errors import StagingLocked

MAGIC = b"PENSTOCK"
SEGMENT = 256 << 10  # bytes of a segment before it is encrypted
_SALT, _PREFIX, _TAG = 32, 7, 16
HEADER = len(MAGIC) + _SALT + _PREFIX


@contextmanager
def encrypting(stream: pa.NativeFile, key: bytes | None) -> Iterator[pa.NativeFile]:
    """A file whose content is encrypted into `stream`, which is complete when the with block ends without an error.

    Without a key it is `stream` itself.
    """
    if key is None:
        yield stream
        return
    out = _Output(stream, key)
    yield pa.PythonFile(out, mode="w")
    out.finish()


def decrypting(stream: pa.NativeFile, key: bytes | None) -> Any:
    """A file of the decrypted bytes of `stream`, for PyArrow; `stream` itself without a key.

    Raises StagingLocked, also when it is read: the bytes are not what was encrypted with the key.
    """
    return stream if key is None else pa.PythonFile(Input(stream, key), mode="r")


def plain_size(size: int) -> int:
    """How many bytes an encrypted file of `size` bytes holds."""
    segments = max(1, -(-(size - HEADER) // (SEGMENT + _TAG)))
    return size - HEADER - segments * _TAG


class Input:
    """A file-like object that reads an encrypted file. Raises StagingLocked, also when it is read: see `decrypting`."""

    def __init__(self, stream: pa.NativeFile, key: bytes) -> None:
        self._stream, self._size = stream, plain_size(stream.size())
        self._last = max(0, -(-self._size // SEGMENT) - 1)
        header = stream.read_at(HEADER, 0)
        if len(header) < HEADER or header[: len(MAGIC)] != MAGIC or self._size < 0:
            raise StagingLocked("a staged file that should be encrypted is not", fix="find out who writes into the staging area")
        self._cipher, self._prefix = _cipher(key, header[len(MAGIC) : -_PREFIX]), header[-_PREFIX:]
        self._place = 0
        self._number, self._held = -1, b""
        self.closed = False
        if not self._size:  # nothing will be read, so nothing else would find that it was cut off
            self._decrypt(0, memoryview(bytearray()))

    def read(self, count: int = -1) -> bytes | bytearray:
        """The next `count` bytes, all that are left when it is negative; fewer at the end."""
        end = self._size if count is None or count < 0 else min(self._size, self._place + count)
        made = bytearray(max(0, end - self._place))
        view, done = memoryview(made), 0
        while self._place < end:
            number, skip = divmod(self._place, SEGMENT)
            whole = min(SEGMENT, self._size - number * SEGMENT)
            if not skip and end - self._place >= whole and number != self._number:
                self._decrypt(number, view[done : done + whole])
                taken = whole
            else:
                piece = self._segment(number, whole)[skip : skip + end - self._place]
                view[done : done + len(piece)] = piece
                taken = len(piece)
            done += taken
            self._place += taken
        return made

    def _segment(self, number: int, whole: int) -> bytes:
        if number != self._number:
            held = bytearray(whole)
            self._decrypt(number, memoryview(held))
            self._number, self._held = number, bytes(held)
        return self._held

    def _decrypt(self, number: int, into: memoryview) -> None:
        found = self._stream.read_at(len(into) + _TAG, HEADER + number * (SEGMENT + _TAG))
        try:
            self._cipher.decrypt_into(_nonce(self._prefix, number, number == self._last), found, None, into)
        except (InvalidTag, ValueError):
            why = "the file was changed, or encrypted with another key"
            raise StagingLocked("a staged file can't be decrypted", why=why, fix="start a new run, which reads the source again") from None

    def seek(self, offset: int, whence: int = 0) -> int:
        self._place = (0, self._place, self._size)[whence] + offset
        return self._place

    def tell(self) -> int:
        return self._place

    def size(self) -> int:
        return self._size

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def writable(self) -> bool:
        return False

    def flush(self) -> None: ...

    def close(self) -> None:
        self.closed = True
        self._stream.close()


class _Output:
    """A file-like object that encrypts what is written into it. It is complete only after `finish`."""

    def __init__(self, stream: pa.NativeFile, key: bytes) -> None:
        self._stream, self._number, self._held = stream, 0, bytearray()
        salt, self._prefix = os.urandom(_SALT), os.urandom(_PREFIX)
        self._cipher = _cipher(key, salt)
        self.closed = False
        stream.write(MAGIC + salt + self._prefix)

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        done = 0
        while len(self._held) + len(view) - done > SEGMENT:  # one segment is always held back: it may be the last
            if not self._held:
                piece, done = view[done : done + SEGMENT], done + SEGMENT
            else:
                room = SEGMENT - len(self._held)
                self._held += view[done : done + room]
                piece, done = memoryview(bytes(self._held)), done + room
                self._held.clear()
            self._encrypt(piece, last=False)
        self._held += view[done:]
        return len(view)

    def finish(self) -> None:
        self._encrypt(memoryview(self._held), last=True)
        self.closed = True

    def _encrypt(self, piece: memoryview, last: bool) -> None:
        self._stream.write(self._cipher.encrypt(_nonce(self._prefix, self._number, last), piece, None))
        self._number += 1

    def readable(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def flush(self) -> None: ...

    def close(self) -> None: ...


def _cipher(key: bytes, salt: bytes) -> AESGCM:
    return AESGCM(HKDF(SHA256(), 32, salt, b"penstock file").derive(key))


def _nonce(prefix: bytes, number: int, last: bool) -> bytes:
    return prefix + number.to_bytes(4, "big") + bytes([last])
