"""A schema with every kind of part that a table can have, in PostgreSQL's words and in MariaDB's, and what plain catalogue queries say of it."""

from __future__ import annotations

from collections import defaultdict

from tests.support.data.plain_values import Plain

# Reserved words, capitals, quotes, other scripts, names of 63 bytes; keys in a circle; partitions of partitions.
LONG = "l" + "ö" * 31
POSTGRESQL = f"""
CREATE TYPE mood AS ENUM ('so, so', 'it''s');
CREATE TABLE "Order" ("Id" integer GENERATED ALWAYS AS IDENTITY (START WITH 100 INCREMENT BY 5) PRIMARY KEY, "select" varchar(20) NOT NULL,
  qty integer NOT NULL DEFAULT 1 CHECK (qty > 0), price numeric(10,2) NOT NULL, total numeric(14,2) GENERATED ALWAYS AS (price * qty) STORED,
  state text NOT NULL DEFAULT 'new' CONSTRAINT "kn""own: state" CHECK (state IN ('new', 'it''s : \\ 100%', 'done')), born date CHECK (born >= '1900-01-01'),
  "Größe" text COLLATE "C", feeling mood DEFAULT 'so, so', made timestamptz DEFAULT now(), code text DEFAULT upper('a' || 'b'), best integer,
  "{LONG}" integer, fixed char(6), whole timestamp(0), clock time(3) with time zone, CONSTRAINT between_them CHECK (qty < 1000 OR price IS NULL), CHECK (feeling <> 'it''s' OR qty BETWEEN 1 AND 9));
CREATE TABLE "ord er.line" (id bigserial PRIMARY KEY, of integer NOT NULL REFERENCES "Order" ON DELETE CASCADE ON UPDATE CASCADE, sku text, note text, UNIQUE (of, sku));
ALTER TABLE "Order" ADD CONSTRAINT "best of it" FOREIGN KEY (best) REFERENCES "Order" ("Id") ON DELETE SET NULL;
ALTER TABLE "Order" ADD COLUMN first_line bigint REFERENCES "ord er.line" (id);
CREATE INDEX "by Größe" ON "Order" ("Größe");
CREATE UNIQUE INDEX "{LONG[:-4]}_i" ON "Order" (lower("select"));
CREATE UNIQUE INDEX one_open ON "Order" ("select", "Id") WHERE state = 'new';
CREATE INDEX falling ON "Order" (born DESC, qty);
CREATE INDEX odd_one ON "Order" USING hash (state);
CREATE INDEX holding ON "ord er.line" (sku text_pattern_ops DESC NULLS LAST) INCLUDE (note);
COMMENT ON TABLE "Order" IS 'What was ordered; it''s 100% : ours'; COMMENT ON COLUMN "Order"."select" IS 'näme \\ of it';
CREATE TABLE measured (at date NOT NULL, place text NOT NULL, value double precision, PRIMARY KEY (at, place)) PARTITION BY RANGE (at);
CREATE TABLE "measured 2020" PARTITION OF measured FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE measured_2021 PARTITION OF measured FOR VALUES FROM ('2021-01-01') TO ('2022-01-01') PARTITION BY LIST (place);
CREATE TABLE measured_2021_a PARTITION OF measured_2021 FOR VALUES IN ('a', 'b');
CREATE TABLE measured_2021_rest PARTITION OF measured_2021 DEFAULT;
CREATE TABLE measured_rest PARTITION OF measured DEFAULT;
CREATE INDEX measured_value ON measured (value);
CREATE TABLE hashed (k integer NOT NULL, v text) PARTITION BY HASH (k);
CREATE TABLE hashed_0 PARTITION OF hashed FOR VALUES WITH (modulus 2, remainder 0);
CREATE TABLE hashed_1 PARTITION OF hashed FOR VALUES WITH (modulus 2, remainder 1);
INSERT INTO "Order" ("select", qty, price, state, born, "Größe", feeling, "{LONG}") VALUES ('A', 3, 10.10, 'new', '2001-02-03', 'ä', 'so, so', 1),
  ('b', 999, 0.01, 'it''s : \\ 100%', NULL, NULL, NULL, NULL), ('c', 7, 9999999.99, 'done', '1900-01-01', 'Z', 'it''s', 2);
INSERT INTO "ord er.line" (of, sku, note) VALUES (100, 'x', 'n'), (100, 'X', NULL), (105, NULL, '');
UPDATE "Order" SET best = 105, first_line = 2 WHERE "Id" = 100;
INSERT INTO measured SELECT d::date, p, extract(day FROM d) FROM generate_series('2019-12-01', '2022-02-01', interval '7 days') d, unnest(ARRAY['a', 'c']) p;
INSERT INTO hashed SELECT n, 'v' || n FROM generate_series(1, 50) n; INSERT INTO hashed VALUES (1, 'v1'), (1, 'v1');
"""
BEHIND = """
CREATE VIEW seen AS SELECT * FROM "Order"; CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM measured; CREATE SEQUENCE loose;
CREATE FUNCTION reckon(a integer) RETURNS integer LANGUAGE sql AS 'SELECT a'; CREATE PROCEDURE act() LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER told BEFORE INSERT ON "Order" FOR EACH ROW EXECUTE FUNCTION tell();
CREATE RULE quiet AS ON DELETE TO hashed DO INSTEAD NOTHING; CREATE POLICY mine ON hashed USING (k > 0); CREATE DOMAIN short AS text;
GRANT SELECT ON "Order" TO pg_monitor; ALTER TABLE hashed ADD CONSTRAINT late CHECK (k < 1000) NOT VALID;
ALTER TABLE hashed ADD CONSTRAINT own CHECK (reckon(k) > 0); CREATE INDEX alone ON hashed_0 (v); ALTER TABLE hashed_1 ADD CONSTRAINT apart CHECK (v <> 'x');
ALTER TABLE "Order" SET (fillfactor = 70); COMMENT ON INDEX falling IS 'down'; COMMENT ON CONSTRAINT between_them ON "Order" IS 'both'; CREATE UNLOGGED TABLE quick (n integer);
"""

MARIADB = """
CREATE TABLE `Order` (`Id` int AUTO_INCREMENT PRIMARY KEY, `select` varchar(20) NOT NULL COMMENT 'näme \\\\ of it''s 100%', qty int NOT NULL DEFAULT 1 CHECK (qty > 0),
  price decimal(10,2) NOT NULL, total decimal(14,2) AS (price * qty) STORED, twice bigint AS (qty * 2) VIRTUAL, ci varchar(20) COLLATE utf8mb4_general_ci DEFAULT 'x',
  lat varchar(20) CHARACTER SET latin1, tiny tinyint(1) unsigned, medium mediumint(5) zerofill, fixed char(5), bytes varbinary(7), milli timestamp(3) NULL DEFAULT current_timestamp(3), state enum('new','it''s','done') NOT NULL DEFAULT 'new', born date DEFAULT (cast('2001-02-03' as date)),
  made timestamp(6) NOT NULL DEFAULT current_timestamp(6) ON UPDATE current_timestamp(6), seen datetime NULL ON UPDATE current_timestamp(), best int, first_line bigint,
  doc json, body text, CONSTRAINT `be``tween: 100%` CHECK (qty < 1000 or price is null), CONSTRAINT small CHECK (char_length(`select`) < 15),
  CONSTRAINT exactly CHECK (ci <> 'nothing'), KEY prefixed (body(10)), FULLTEXT KEY words (body), KEY falling (born DESC, qty), UNIQUE KEY ci_once (ci))
  COMMENT 'What was ordered; it''s 100% : \\\\ ours' AUTO_INCREMENT = 500;
CREATE TABLE `ord er.line` (id bigint AUTO_INCREMENT PRIMARY KEY, `of` int NOT NULL, sku varchar(20) COLLATE utf8mb4_bin, UNIQUE KEY pair (`of`, sku),
  CONSTRAINT in_order FOREIGN KEY (`of`) REFERENCES `Order` (`Id`) ON DELETE CASCADE ON UPDATE CASCADE);
ALTER TABLE `Order` ADD CONSTRAINT best_of FOREIGN KEY (best) REFERENCES `Order` (`Id`) ON DELETE SET NULL,
  ADD CONSTRAINT first_one FOREIGN KEY (first_line) REFERENCES `ord er.line` (id);
CREATE TABLE measured (at date NOT NULL, place varchar(20) NOT NULL, value double, PRIMARY KEY (at, place)) PARTITION BY RANGE (year(at))
  (PARTITION `p 2020` VALUES LESS THAN (2021), PARTITION later VALUES LESS THAN MAXVALUE);
INSERT INTO `Order` (`Id`, `select`, qty, price, ci, lat, state, best, doc, body) VALUES (1, 'A', 3, 10.10, 'Ci', 'é', 'new', NULL, '{"a": 1}', 'some words'),
  (2, 'b', 999, 0.01, 'other ', NULL, 'it''s', 1, NULL, NULL);
INSERT INTO `ord er.line` VALUES (1, 1, 'x'), (2, 1, 'X'), (7, 2, NULL);
UPDATE `Order` SET first_line = 2, made = '2020-01-01 00:00:00', seen = NULL WHERE `Id` = 1;
INSERT INTO measured VALUES ('2020-05-05', 'a', 1.5), ('2024-05-05', 'a', NULL);
"""

_POSTGRESQL = {
    "column": "SELECT c.relname, a.attname, concat_ws(' ', format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated,"
    " pg_get_expr(f.adbin, f.adrelid), l.collname, col_description(c.oid, a.attnum))"
    " FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped LEFT JOIN pg_attrdef f ON f.adrelid = c.oid"
    " AND f.adnum = a.attnum LEFT JOIN pg_collation l ON l.oid = a.attcollation WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')",
    "constraint": "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND conrelid <> 0",
    "index": "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "table": "SELECT c.relname, 'is', concat_ws(' ', c.relkind, pg_get_partkeydef(c.oid), pg_get_expr(c.relpartbound, c.oid), obj_description(c.oid, 'pg_class'),"
    " (SELECT inhparent::regclass FROM pg_inherits WHERE inhrelid = c.oid)) FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')",
}
_MARIADB = {
    "column": "SELECT table_name, column_name, CONCAT_WS(' ', column_type, is_nullable, column_default, extra, generation_expression, collation_name, column_comment)"
    " FROM information_schema.columns WHERE table_schema = DATABASE()",
    "check": "SELECT table_name, constraint_name, check_clause FROM information_schema.check_constraints WHERE constraint_schema = DATABASE()",
    "index": "SELECT table_name, index_name, GROUP_CONCAT(CONCAT_WS(' ', column_name, sub_part, collation, non_unique, index_type) ORDER BY seq_in_index)"
    " FROM information_schema.statistics WHERE table_schema = DATABASE() GROUP BY 1, 2",
    "foreign key": "SELECT k.table_name, k.constraint_name, CONCAT_WS(' ', GROUP_CONCAT(k.column_name ORDER BY k.ordinal_position), k.referenced_table_name,"
    " GROUP_CONCAT(k.referenced_column_name ORDER BY k.ordinal_position), r.delete_rule, r.update_rule) FROM information_schema.key_column_usage k"
    " JOIN information_schema.referential_constraints r ON r.constraint_schema = k.table_schema AND r.constraint_name = k.constraint_name"
    " WHERE k.table_schema = DATABASE() GROUP BY 1, 2",
    "table": "SELECT table_name, 'is', CONCAT_WS(' ', create_options, table_comment) FROM information_schema.tables WHERE table_schema = DATABASE()",
    "partition": "SELECT table_name, partition_name, CONCAT_WS(' ', partition_method, partition_expression, partition_description)"
    " FROM information_schema.partitions WHERE table_schema = DATABASE() AND partition_name IS NOT NULL",
}
_QUERIES = {"postgresql": _POSTGRESQL, "mysql": _MARIADB}


def objects(plain: Plain) -> dict[str, dict[tuple[str, str], str]]:
    """Every part of the schema's tables: kind, then (table, name), to what the catalogue says. Penstock's journal is left out."""
    found: dict[str, dict[tuple[str, str], str]] = defaultdict(dict)
    for kind, query in _QUERIES[plain.name].items():
        for table, name, text in ([v.decode() if isinstance(v, bytes) else v for v in row] for row in plain.run(query)):
            if not table.startswith("penstock_"):
                found[kind][table, name] = text
    return found
