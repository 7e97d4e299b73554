"""How servers write the definitions of their tables, by plain catalogue queries: what must be the same at both ends."""

from __future__ import annotations

import sqlalchemy as sa

from tests.support.data.plain_values import Plain

_POSTGRESQL = {
    "constraint": "SELECT conrelid::regclass || ' ' || conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace"
    " AND conrelid <> 0",
    "index": "SELECT i.indrelid::regclass || ' ' || c.relname, pg_get_indexdef(c.oid) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
    " WHERE relnamespace = 'public'::regnamespace",
    "table": "SELECT oid::regclass::text, concat_ws(' ', relpersistence, relreplident, reloptions) FROM pg_class"
    " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')",
    "column": "SELECT attrelid::regclass || ' ' || attname, concat_ws(' ', format_type(atttypid, atttypmod), attnotnull, attidentity, attgenerated,"
    " attstorage, to_jsonb(a) ->> 'attcompression', pg_get_expr(adbin, adrelid)) FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid"
    " LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum"
    " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND attnum > 0 AND NOT attisdropped",
    "sequence": "SELECT schemaname || ' ' || sequencename, concat_ws(' ', start_value, min_value, max_value, increment_by, cycle, cache_size)"
    " FROM pg_sequences WHERE schemaname = 'public'",
}
_OURS = "penstock"


def definitions(url: sa.URL) -> dict[str, str]:
    """By object, its definition in the server's own words. Penstock's own tables are left out."""
    with Plain(url) as plain:
        if plain.name == "postgresql":
            found = {f"{kind} {name}": str(text) for kind, query in _POSTGRESQL.items() for name, text in plain.run(query)}
        elif plain.name == "mysql":
            tables = [_text(row[0]) for row in plain.run("SHOW FULL TABLES WHERE Table_type = 'BASE TABLE'")]
            found = {f"table {name}": _text(plain.run(f"SHOW CREATE TABLE `{name}`")[0][1]) for name in tables}
        else:
            found = {str(name): str(sql) for name, sql in plain.run("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL")}
    return {name: text for name, text in found.items() if _OURS not in name}


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
