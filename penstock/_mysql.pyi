"""What is compiled from penstock/native/mysql_read.c. It lets go of Python's lock while rows come."""

from penstock._native import ArrowSchema

def reads(connection: object) -> bool:
    """Whether it can read through this connection: an open one of mysqlclient, which uses the same client library."""

class Reader:
    """The rows of the query that the connection has just sent, as Arrow arrays of `schema`, of at most `rows` rows, and of no more once
    there are `bytes`. Until it is closed nothing else can be asked of the connection.

    Raises ValueError(number, why): of the column that has a value which is none of its type; RuntimeError: what the server says.
    """

    def __new__(cls, connection: object, schema: ArrowSchema, rows: int, bytes: int, /) -> Reader: ...
    ended: bool
    """Whether nothing follows what was read last."""

    def read(self) -> object | None:
        """The next batch, as a capsule called arrow_array; None where no row is left."""

    def close(self) -> None:
        """Take what is still to come, and let go of the result."""
