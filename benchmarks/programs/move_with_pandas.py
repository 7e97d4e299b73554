"""Move tables with pandas.

usage: move_with_pandas.py SOURCE TARGET TABLES (JSON: name to CREATE TABLE)
"""

import json
import sys

import pandas as pd
import sqlalchemy as sa


def main() -> None:
    source, target = (sa.create_engine(url, poolclass=sa.pool.NullPool) for url in sys.argv[1:3])
    for name, ddl in json.loads(sys.argv[3]).items():
        with source.connect().execution_options(stream_results=True) as reading, target.begin() as writing:
            writing.exec_driver_sql(ddl)
            for frame in pd.read_sql(sa.text(f"SELECT * FROM {name}"), reading, chunksize=50_000):
                frame.to_sql(name, writing, if_exists="append", index=False)


if __name__ == "__main__":
    main()
