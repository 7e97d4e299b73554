"""How a task's memory, as the migration declares it, is shared out: to batches, to workers, to a database inside the process.

The declared limit is what a task takes over the interpreter and its libraries.
"""

from __future__ import annotations

from dataclasses import dataclass

BATCHES = 8  # a worker has about so many batches under its hands: read, put together, hashed, encoded, on their way
ROWS = 4  # and so many of a long row: as it came, as Arrow has it, as it is encoded
_MOST, _LEAST = 12 << 20, 1 << 20
_OTHER = 64 << 20
_UNALLOTTED = 32 << 20  # what is no batch: pages of libraries that are first used, metadata, threads, holes between what is allocated


@dataclass(frozen=True)
class Room:
    """How much of a task's memory a reader may take. batch: about the bytes of a batch.

    longest: the most bytes that a row's texts and binaries have together, as far as is known; 0 where it isn't.
    """

    batch: int = 12 << 20
    longest: int = 0


USUAL = Room()


def of_a_row(longest: int, value: int, read: int, written: int, encrypted: bool = False) -> int:
    """Bytes that a task takes that has no other row under its hands: it has so many bytes, its longest value so many.

    read, written: how many times either database has it besides. For Parquet a value is encoded and put into a page; when it is read
    back, or put together of pieces, it is there once more. encrypted: whether it is staged encrypted, for which Arrow copies the page.
    """
    return max((1 + read) * longest + (3 if encrypted else 2) * value, (1 + written) * longest + value) + _OTHER


def of_rows(read: int, written: int) -> int:
    """Bytes that a task takes when a database in this process has so many bytes of rows at a time, as it reads or writes them."""
    return max(3 * read, 5 * written) + _OTHER


@dataclass(frozen=True)
class Shares:
    """Of `limit` bytes, for so many workers."""

    limit: int
    workers: int

    @property
    def allotted(self) -> int:
        """Bytes that all workers have together."""
        return max(self.limit // 2, self.limit - _UNALLOTTED)

    @property
    def batch(self) -> int:
        """Bytes of a batch."""
        return max(_LEAST, min(_MOST, self.allotted // (self.workers * BATCHES)))

    @property
    def embedded(self) -> int:
        """Bytes of a database that this process holds itself."""
        return self.limit * 5 // 8  # to commit a long value it holds three of them

    def plain(self, longest: int) -> bool:
        """Whether such rows are staged as they are: to compress one takes two of its values more, which others have room for."""
        return longest > self.limit // 16

    def room(self, longest: int) -> Room:
        """For a reader of rows, the longest of which has so many bytes."""
        return Room(self.batch, longest)

    def weight(self, longest: int) -> int:
        """Bytes that a worker takes who has such rows under its hands."""
        return BATCHES * self.batch + ROWS * longest
