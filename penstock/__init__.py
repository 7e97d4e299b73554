"""Penstock moves databases, gated and proved. This is the engine; it never imports Airflow."""

import os

# Arrow's own allocator keeps what it was given, a hundred megabytes for one long value; the system's gives it back. Arrow asks once,
# when it is imported; a pool that is set afterwards is not the one of its files and of Parquet.
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
