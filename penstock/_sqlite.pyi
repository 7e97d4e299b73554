"""What is compiled from penstock/native/sqlite_read.c. It lets go of Python's lock while SQLite reads."""

from sqlite3 import Connection
from typing import Any

def opened() -> int:
    """SQLite's handle of the connection that this thread has opened last; 0 when it was asked for already, or is of another SQLite."""

def may_write(handle: int) -> bool:
    """Whether the database of that handle was opened to be written, too."""

class Reader:
    """The rows of a select in batches of at most `rows` rows, and of no more once there are `bytes`. Raises sqlite3.OperationalError.

    owner: the connection of the handle, kept until the end.  merged: a byte a column, 1 where whole numbers beside reals come as reals.
    """

    def __new__(cls, owner: Connection, handle: int, select: str, merged: bytes, rows: int, bytes: int, /) -> Reader: ...
    def read(self) -> tuple[int, list[Any]] | None:
        """How many rows, and of each column (class, validity or None, values, offsets or None): Arrow's buffers of values of one class,
        which is i, f, t or b, or 0 where all are NULL; or a list of one: the tuple of Python's values, where they are of several.
        """
