"""Tables with what only one kind of database has, or only its newer versions: between two such servers all of it arrives as it was declared."""

# PostgreSQL of any version that Penstock reads; it is created by the version of Debian's packages.
POSTGRESQL = """
CREATE TABLE node (id int CONSTRAINT node_key PRIMARY KEY, parent int REFERENCES node DEFERRABLE INITIALLY DEFERRED,
  place int UNIQUE DEFERRABLE INITIALLY DEFERRED, code text, held int, CONSTRAINT held_by UNIQUE (code) INCLUDE (held) WITH (fillfactor=60) DEFERRABLE);
CREATE TABLE pair (a int NOT NULL, b int NOT NULL, c int, PRIMARY KEY (a, b) INCLUDE (c));
CREATE TABLE ref (a int, b int, n int REFERENCES node (id) ON DELETE RESTRICT ON UPDATE SET DEFAULT, late int,
  FOREIGN KEY (a, b) REFERENCES pair (a, b) MATCH FULL ON DELETE SET NULL);
CREATE TABLE booking (id bigint GENERATED ALWAYS AS IDENTITY (START 5 INCREMENT 5 MINVALUE 5 MAXVALUE 500 CYCLE CACHE 7) PRIMARY KEY,
  during int4range, note text, p int, CHECK (p <> 7) NO INHERIT,
  CONSTRAINT once EXCLUDE USING gist (during WITH &&) WHERE (p > 0) DEFERRABLE INITIALLY DEFERRED) WITH (fillfactor=70, autovacuum_enabled=off);
ALTER TABLE booking ALTER note SET STORAGE EXTERNAL, ALTER note SET STATISTICS 500;
CREATE UNLOGGED TABLE quick (id int PRIMARY KEY, k text NOT NULL, v interval day to second(3), n numeric(3,-1), pad character(4), UNIQUE (k));
CREATE INDEX pattern ON quick (k text_pattern_ops, lower(k) COLLATE "C" DESC NULLS LAST) WITH (fillfactor=55) WHERE id > 0;
ALTER TABLE quick REPLICA IDENTITY USING INDEX quick_k_key;
ALTER TABLE ref REPLICA IDENTITY FULL;
INSERT INTO node VALUES (1, 2, 1), (2, 1, 2);
INSERT INTO pair VALUES (1, 1);
INSERT INTO ref VALUES (1, 1, 1, 99), (NULL, NULL, NULL, -1);
INSERT INTO booking (during, p) VALUES ('[1,2)', -1), ('[1,2)', 0);
INSERT INTO quick VALUES (1, 'a', '1 day 00:00:01.5', 120, 'x');
ALTER TABLE ref ADD CONSTRAINT rising CHECK (late > 0) NOT VALID;
ALTER TABLE ref ADD CONSTRAINT later FOREIGN KEY (late) REFERENCES node (id) NOT VALID
"""

POSTGRESQL_18 = """
CREATE TABLE room (id int4range, during daterange, PRIMARY KEY (id, during WITHOUT OVERLAPS));
CREATE TABLE stay (id int PRIMARY KEY, room int4range, at daterange, UNIQUE (room, at WITHOUT OVERLAPS),
  FOREIGN KEY (room, PERIOD at) REFERENCES room (id, PERIOD during));
CREATE TABLE counted (id int PRIMARY KEY, a int, twice int GENERATED ALWAYS AS (a * 2) VIRTUAL, thrice int GENERATED ALWAYS AS (a * 3) STORED,
  t text COMPRESSION lz4, n int, o int CONSTRAINT positive CHECK (o > 0) NOT ENFORCED, u int, UNIQUE NULLS NOT DISTINCT (u));
CREATE TABLE child (id int PRIMARY KEY, a int, b int, FOREIGN KEY (a, b) REFERENCES pair (a, b) ON DELETE SET NULL (b),
  CONSTRAINT loose FOREIGN KEY (b) REFERENCES counted (id) NOT ENFORCED);
INSERT INTO room VALUES ('[1,2)', '[2020-01-01,2020-02-01)');
INSERT INTO stay VALUES (1, '[1,2)', '[2020-01-05,2020-01-06)');
INSERT INTO counted (id, a, n, o, u) VALUES (1, 1, NULL, -1, 1), (2, 2, 2, 2, NULL);
INSERT INTO child VALUES (1, 1, 1), (2, NULL, 99);
ALTER TABLE counted ADD CONSTRAINT n_given NOT NULL n NOT VALID
"""

_BOTH = """
CREATE TABLE host (id int unsigned NOT NULL AUTO_INCREMENT, place point NOT NULL, shape geometry, hidden int INVISIBLE DEFAULT 3, word varchar(20),
  label enum('a','b''c','d\\\\e') CHARACTER SET latin1 DEFAULT 'a', labels set('x','y'), t time(6) DEFAULT '-838:59:59', d decimal(10,2) unsigned zerofill,
  f float(7,3), b bit(1) DEFAULT b'1', y year, c char(3) CHARACTER SET latin1 COLLATE latin1_bin, ts timestamp(3) NULL DEFAULT current_timestamp(3)
  ON UPDATE current_timestamp(3), gen int GENERATED ALWAYS AS (hidden * 2) VIRTUAL INVISIBLE COMMENT 'it''s', zero datetime(3) DEFAULT '0000-00-00',
  PRIMARY KEY (id), KEY zz (word(3)) COMMENT 'it''s \\\\ x', KEY aa (d DESC), FULLTEXT KEY ft (word), SPATIAL KEY sp (place){own})
  ROW_FORMAT=DYNAMIC STATS_PERSISTENT=1 DEFAULT CHARSET=latin2 COMMENT='t';
CREATE TABLE guest (id int PRIMARY KEY, a int unsigned, small tinytext, UNIQUE (small(5)), CONSTRAINT fk FOREIGN KEY (a) REFERENCES host (id) ON DELETE {rule}
  ON UPDATE CASCADE);
CREATE TABLE parted (d date PRIMARY KEY, n int) PARTITION BY RANGE (year(d)) (PARTITION p0 VALUES LESS THAN (2000), PARTITION p1 VALUES LESS THAN MAXVALUE);
CREATE TABLE short (k varchar(300), PRIMARY KEY (k(10)));
INSERT INTO host (hidden, place, word, label, labels, t, d, f, b, y, c, zero) VALUES
  (4, point(1, 2), 'Ab', 'd\\\\e', 'x,y', '838:59:59', 1.5, 1.5, 1, 1999, 'ab', '2020-00-01'), (5, point(3, 4), NULL, NULL, NULL, '12:00', NULL, NULL, 0, NULL, NULL, NULL);
INSERT INTO parted VALUES ('0000-00-00', 1), ('2020-02-31', 2), ('2020-01-01', 3);
INSERT INTO short VALUES ('a'), ('b')"""

MYSQL = (
    "SET sql_mode = 'ALLOW_INVALID_DATES';\n"
    + _BOTH.format(
        own=", KEY fnk ((lower(word))), KEY calc ((hidden + 1) DESC), UNIQUE KEY unseen (hidden) INVISIBLE,"
        " CONSTRAINT loose CHECK (hidden < 0) NOT ENFORCED",
        rule="RESTRICT",
    ).replace("set('x','y'),", "set('x','y'), j json, p84 point SRID 4326, v vector(3),")
    + """;
UPDATE host SET j = '{"b": [1e3, "é"], "a": 1.0}', p84 = ST_GeomFromText('POINT(1 2)', 4326), v = TO_VECTOR('[1,2,3]')"""
)
MARIADB = (
    "SET sql_mode = 'ALLOW_INVALID_DATES';\n"
    + _BOTH.format(own=", KEY unused (hidden) IGNORED, CONSTRAINT named CHECK (f < 9)", rule="NO ACTION").replace(
        "set('x','y'),",
        "set('x','y'), j json, u uuid DEFAULT uuid(), v6 inet6, v4 inet4, small int CHECK (small > 0), packed varchar(200) COMPRESSED,",
    )
    + """;
UPDATE host SET j = '{"a":  1.0}', v6 = '::1', v4 = '10.0.0.1', small = 3, packed = 'x'"""
)

SQLITE = """
CREATE TABLE person (id INTEGER PRIMARY KEY AUTOINCREMENT, code TEXT COLLATE NOCASE UNIQUE, r REAL, b BLOB, any INT) STRICT;
INSERT INTO person VALUES (1, 'a', 1.5, x'00', 1), (40, 'b', NULL, NULL, NULL);
DELETE FROM person WHERE id = 40;
CREATE TABLE empty (id INTEGER PRIMARY KEY AUTOINCREMENT);
INSERT INTO empty VALUES (7);
DELETE FROM empty;
CREATE TABLE pair (k TEXT NOT NULL, n INT NOT NULL, at DATETIME, doc JSON, said VARCHAR, q NUMERIC, PRIMARY KEY (k, n)) WITHOUT ROWID;
INSERT INTO pair VALUES ('a', 1, '2020-01-01 00:00:00', '[1.0]', 'x', '1.50');
CREATE TABLE link ("x)" INT REFERENCES Person (ID) ON DELETE SET NULL ON UPDATE RESTRICT DEFERRABLE, y INT CONSTRAINT "to y" REFERENCES person DEFERRABLE
  INITIALLY DEFERRED, k TEXT, n INT, CHECK ("x)" > 0), CONSTRAINT both FOREIGN KEY (k, n) REFERENCES pair ON DELETE CASCADE NOT DEFERRABLE INITIALLY DEFERRED);
INSERT INTO link VALUES (1, 1, 'a', 1)
"""
