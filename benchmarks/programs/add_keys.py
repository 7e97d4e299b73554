"""Give tables the primary keys that the tool which moved them has not made.

usage: add_keys.py TARGET TABLES (JSON: name to key columns)
"""

import json
import sys

import sqlalchemy as sa


def main() -> None:
    tables = json.loads(sys.argv[2])
    with sa.create_engine(sys.argv[1], poolclass=sa.pool.NullPool).begin() as connection:
        found = connection.exec_driver_sql(
            "SELECT table_name FROM information_schema.table_constraints WHERE constraint_type = 'PRIMARY KEY'"
        )
        have = {row[0] for row in found}
        for name, key in tables.items():
            if name not in have:
                connection.exec_driver_sql(f"ALTER TABLE {name} ADD PRIMARY KEY ({', '.join(key)})")


if __name__ == "__main__":
    main()
