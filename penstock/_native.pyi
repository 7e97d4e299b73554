"""What is compiled: penstock/native/*.c. Everything lets go of Python's lock while it works."""

from collections.abc import Iterator
from typing import Protocol

class ArrowSchema(Protocol):
    def __arrow_c_schema__(self) -> object: ...

class ArrowBatch(Protocol):
    def __arrow_c_array__(self) -> tuple[object, object]: ...

def digest(batch: ArrowBatch) -> tuple[int, int, int]:
    """How many rows, and the upper and lower half of the sum of their hashes. Raises TypeError for a type that is not canonical."""

def change_rows(messages: list[bytes], columns: int) -> bytes:
    """The rows of pgoutput's messages I, U and D of one table, as a whole COPY in the binary format.

    Each has, before its columns: the number of its message from 0 (4 bytes), the letters of the operation and of the row (K, O, N), and of
    each column whether its value was left out (a byte; NULL where none was). Raises ValueError for what is no such message.
    """

class CopyReader:
    """Rows of PostgreSQL's binary COPY as Arrow arrays of `schema`, of at most `rows` rows, and of no more once there are `bytes`.

    padded: the numbers of the text columns whose trailing blanks are no part of their values.
    Raises ValueError(number, why): of the column that has a value which its type can't hold, -1 for the stream itself.
    """

    def __new__(cls, schema: ArrowSchema, rows: int, bytes: int, padded: list[int] = ...) -> CopyReader: ...
    over: bool
    """Whether the COPY is over at the connection: its result is to be taken before anything else is asked of it."""
    ended: bool
    """Whether nothing follows what was read last."""

    def read(self, connection: int) -> object | None:
        """The next batch of a COPY TO STDOUT, as a capsule called arrow_array; None where no row is left.

        connection: the address of libpq's PGconn, which must be of the libpq that this is linked with and outlive the call.
        """

    def decode(self, block: bytes) -> object | None:
        """The same of a whole COPY's bytes, which must be one batch."""

class CopyWriter(Iterator[bytes]):
    """The rows of a batch for PostgreSQL's binary COPY, without its header and trailer, in pieces of bounded length."""

    def __new__(cls, batch: ArrowBatch) -> CopyWriter: ...
    def __next__(self) -> bytes: ...
