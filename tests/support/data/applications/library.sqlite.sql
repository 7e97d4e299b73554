-- A library of electronic books with a server for readers' devices, as applications of that kind (Calibre, and Rails on SQLite) keep
-- theirs: NOCASE texts, moments as texts and as seconds since 1970, booleans as 0 and 1 or 't' and 'f', JSON in text, blobs, link
-- tables, AUTOINCREMENT, WITHOUT ROWID, STRICT, full-text search in virtual tables, views, triggers, columns without a type.
PRAGMA foreign_keys = ON;
CREATE TABLE authors (id INTEGER PRIMARY KEY, name TEXT NOT NULL COLLATE NOCASE, sort TEXT COLLATE NOCASE, link TEXT NOT NULL DEFAULT '', UNIQUE (name));
CREATE TABLE books (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  title TEXT NOT NULL DEFAULT 'Unknown' COLLATE NOCASE,
  sort TEXT COLLATE NOCASE,
  added TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
  published TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
  series_index REAL NOT NULL DEFAULT 1.0,
  isbn TEXT DEFAULT '' COLLATE NOCASE,
  path TEXT NOT NULL DEFAULT '',
  flags INTEGER NOT NULL DEFAULT 1,
  uuid TEXT,
  has_cover BOOL DEFAULT 0,
  last_modified TIMESTAMP NOT NULL DEFAULT '2000-01-01 00:00:00+00:00',
  title_length INTEGER GENERATED ALWAYS AS (length(title)) VIRTUAL
);
CREATE INDEX books_sort ON books (sort COLLATE NOCASE);
CREATE INDEX books_covers ON books (has_cover) WHERE has_cover = 1;
CREATE INDEX books_year ON books (substr(published, 1, 4));
CREATE TABLE books_authors_link (
  id INTEGER PRIMARY KEY,
  book INTEGER NOT NULL REFERENCES books (id) ON DELETE CASCADE,
  author INTEGER NOT NULL REFERENCES authors (id) ON DELETE RESTRICT,
  UNIQUE (book, author)
);
CREATE INDEX books_authors_link_author ON books_authors_link (author);
CREATE TABLE languages (id INTEGER PRIMARY KEY, lang_code TEXT NOT NULL COLLATE NOCASE, UNIQUE (lang_code));
CREATE TABLE books_languages_link (
  id INTEGER PRIMARY KEY, book INTEGER NOT NULL, lang_code INTEGER NOT NULL, item_order INTEGER NOT NULL DEFAULT 0, UNIQUE (book, lang_code));
CREATE TABLE publishers (id INTEGER PRIMARY KEY, name TEXT NOT NULL COLLATE NOCASE, sort TEXT COLLATE NOCASE, UNIQUE (name));
CREATE TABLE books_publishers_link (id INTEGER PRIMARY KEY, book INTEGER NOT NULL, publisher INTEGER NOT NULL, UNIQUE (book));
CREATE TABLE series (id INTEGER PRIMARY KEY, name TEXT NOT NULL COLLATE NOCASE, sort TEXT COLLATE NOCASE, UNIQUE (name));
CREATE TABLE books_series_link (id INTEGER PRIMARY KEY, book INTEGER NOT NULL, series INTEGER NOT NULL, UNIQUE (book));
CREATE TABLE tags (id INTEGER PRIMARY KEY, name TEXT NOT NULL COLLATE NOCASE, UNIQUE (name));
CREATE TABLE books_tags (book INTEGER NOT NULL, tag INTEGER NOT NULL, PRIMARY KEY (tag, book)) WITHOUT ROWID;
CREATE TABLE ratings (id INTEGER PRIMARY KEY, rating INTEGER CHECK (rating > -1 AND rating < 11), UNIQUE (rating));
CREATE TABLE books_ratings_link (id INTEGER PRIMARY KEY, book INTEGER NOT NULL, rating INTEGER NOT NULL, UNIQUE (book, rating));
CREATE TABLE comments (id INTEGER PRIMARY KEY, book INTEGER NOT NULL, text TEXT NOT NULL COLLATE NOCASE, UNIQUE (book));
CREATE TABLE data (
  id INTEGER PRIMARY KEY, book INTEGER NOT NULL, format TEXT NOT NULL COLLATE NOCASE, uncompressed_size INTEGER NOT NULL, name TEXT NOT NULL, UNIQUE (book, format));
CREATE TABLE covers (book INTEGER PRIMARY KEY REFERENCES books, image BLOB NOT NULL, thumbnail BLOB);
CREATE TABLE identifiers (
  id INTEGER PRIMARY KEY, book INTEGER NOT NULL, type TEXT NOT NULL DEFAULT 'isbn' COLLATE NOCASE, val TEXT NOT NULL COLLATE NOCASE, UNIQUE (book, type));
CREATE TABLE custom_columns (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  label TEXT NOT NULL,
  name TEXT NOT NULL,
  datatype TEXT NOT NULL CHECK (datatype IN ('text', 'int', 'bool', 'datetime', 'float')),
  mark_for_delete BOOL DEFAULT 0 NOT NULL,
  editable BOOL DEFAULT 1 NOT NULL,
  display TEXT DEFAULT '{}' NOT NULL CHECK (json_valid(display)),
  normalized BOOL NOT NULL,
  UNIQUE (label)
);
CREATE TABLE custom_column_1 (id INTEGER PRIMARY KEY AUTOINCREMENT, value BOOL NOT NULL, book INTEGER, UNIQUE (book));
CREATE TABLE custom_column_2 (id INTEGER PRIMARY KEY AUTOINCREMENT, value INT NOT NULL, book INTEGER UNIQUE);
CREATE TABLE custom_column_3 (id INTEGER PRIMARY KEY AUTOINCREMENT, value TIMESTAMP NOT NULL, book INTEGER UNIQUE);
CREATE TABLE preferences (id INTEGER PRIMARY KEY, key TEXT NOT NULL, val TEXT NOT NULL, UNIQUE (key));
CREATE TABLE library_id (id INTEGER PRIMARY KEY, uuid TEXT NOT NULL, UNIQUE (uuid));
CREATE TABLE metadata_dirtied (id INTEGER PRIMARY KEY, book INTEGER NOT NULL, UNIQUE (book));
CREATE TABLE plugin_data (book INTEGER NOT NULL, name TEXT NOT NULL, val, PRIMARY KEY (book, name));

CREATE TABLE users (
  uuid CHAR(36) NOT NULL PRIMARY KEY,
  email VARCHAR(255) NOT NULL,
  password_hash BLOB NOT NULL,
  admin boolean DEFAULT 'f' NOT NULL,
  wants_mail boolean DEFAULT 't',
  storage_limit BIGINT,
  balance DECIMAL(10,2) NOT NULL DEFAULT 0,
  birthday DATE,
  created_at DATETIME NOT NULL,
  updated_at DATETIME(6) NOT NULL
);
CREATE UNIQUE INDEX users_email ON users (lower(email));
CREATE TABLE devices (
  uuid TEXT NOT NULL,
  user_uuid TEXT NOT NULL REFERENCES users (uuid) ON DELETE CASCADE,
  name TEXT NOT NULL,
  type INTEGER NOT NULL,
  push_token TEXT,
  seen_at INTEGER NOT NULL DEFAULT (strftime('%s', 'now')),
  PRIMARY KEY (uuid, user_uuid)
);
CREATE TABLE shelves (
  id INTEGER PRIMARY KEY, name TEXT, parent_id INTEGER REFERENCES shelves (id), owner_uuid CHAR(36) REFERENCES users (uuid), first_item INTEGER,
  FOREIGN KEY (first_item) REFERENCES shelf_items (id) DEFERRABLE INITIALLY DEFERRED
);
CREATE TABLE shelf_items (id INTEGER PRIMARY KEY, shelf_id INTEGER NOT NULL REFERENCES shelves ON DELETE CASCADE, book INTEGER REFERENCES books ON DELETE SET NULL);
CREATE TABLE last_read_positions (
  id INTEGER PRIMARY KEY, book INTEGER NOT NULL, format TEXT NOT NULL COLLATE NOCASE, user TEXT NOT NULL, device TEXT NOT NULL, cfi TEXT NOT NULL,
  epoch REAL NOT NULL, pos_frac REAL NOT NULL DEFAULT 0, UNIQUE (user, device, book, format));
CREATE TABLE annotations (
  id INTEGER PRIMARY KEY, book INTEGER NOT NULL, format TEXT NOT NULL COLLATE NOCASE, user_type TEXT NOT NULL, timestamp REAL NOT NULL, annot_id TEXT NOT NULL,
  annot_type TEXT NOT NULL, annot_data TEXT NOT NULL, searchable_text TEXT NOT NULL DEFAULT '', UNIQUE (book, user_type, format, annot_type, annot_id));
CREATE VIRTUAL TABLE annotations_fts USING fts5 (searchable_text, content = 'annotations', content_rowid = 'id');
CREATE VIRTUAL TABLE books_text USING fts4 (title, body);
CREATE TABLE events (
  id INTEGER PRIMARY KEY AUTOINCREMENT, subject_type varchar, subject_id integer, name varchar NOT NULL, payload json, at_ms INTEGER NOT NULL, size INT);
CREATE INDEX events_subject ON events (subject_type, subject_id DESC);
CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL, share REAL, raw BLOB, anything ANY) STRICT;
CREATE TABLE schema_migrations (version varchar NOT NULL);
CREATE UNIQUE INDEX unique_schema_migrations ON schema_migrations (version);
CREATE TABLE log (line TEXT, level, at NUMERIC);
CREATE VIEW meta AS SELECT id, title, (SELECT count(*) FROM books_authors_link WHERE book = books.id) AS authors FROM books;
CREATE TRIGGER books_insert AFTER INSERT ON books BEGIN UPDATE books SET sort = coalesce(NEW.sort, NEW.title), uuid = coalesce(NEW.uuid, 'u' || NEW.id) WHERE id = NEW.id; END;
CREATE TRIGGER annotations_insert AFTER INSERT ON annotations BEGIN
  INSERT INTO annotations_fts (rowid, searchable_text) VALUES (NEW.id, NEW.searchable_text);
END;

INSERT INTO authors (id, name, sort, link) VALUES (1, 'Unknown', NULL, ''), (2, 'Åsa Łukasz 👋', 'Łukasz, Åsa', ' '), (-9223372036854775808, 'é', '', ''), (9223372036854775807, 'É', NULL, '');
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)
INSERT INTO books (title, added, published, series_index, isbn, path, flags, has_cover, last_modified)
  SELECT 'Buch ' || i || CASE WHEN i % 9 = 0 THEN ' „Größe“' ELSE '' END, CASE WHEN i % 10 > 0 THEN datetime('2010-02-28', i || ' hours') || '+00:00' END,
    CASE i % 100 WHEN 0 THEN '0101-01-01 00:00:00+00:00' WHEN 1 THEN '9999-12-31 23:59:59.999999+00:00' ELSE '2001-02-03 04:05:06.789+00:00' END,
    i / 3.0, CASE WHEN i % 4 > 0 THEN printf('978%010d', i) ELSE '' END, 'Autor/Buch (' || i || ')', i % 2, i % 2, datetime('2015-01-01', i || ' minutes') || '+00:00' FROM n;
INSERT INTO books (title, series_index, has_cover) VALUES ('', 0, NULL), ('x', 1e308, 1);
DELETE FROM books WHERE id = 2502;
INSERT INTO books_authors_link (book, author) SELECT id, id % 2 + 1 FROM books;
INSERT INTO languages (lang_code) VALUES ('eng'), ('deu'), ('');
INSERT INTO books_languages_link (book, lang_code) SELECT id, id % 3 + 1 FROM books WHERE id <= 200;
INSERT INTO publishers (name, sort) VALUES ('Verlag', NULL), ('', '');
INSERT INTO books_publishers_link (book, publisher) SELECT id, 1 FROM books WHERE id <= 100;
INSERT INTO series (name) VALUES ('Reihe');
INSERT INTO books_series_link (book, series) VALUES (1, 1), (2, 1);
INSERT INTO tags (name) VALUES ('Fiction'), ('日本'), ('a,b');
INSERT INTO books_tags SELECT id, id % 3 + 1 FROM books;
INSERT INTO ratings (rating) VALUES (0), (10), (NULL), (NULL);
INSERT INTO books_ratings_link (book, rating) VALUES (1, 2);
INSERT INTO comments (book, text) SELECT id, '<div>' || replace(hex(zeroblob(id % 60)), '00', 'Wörter ') || char(9, 13, 10) || '</div>' FROM books WHERE id <= 300;
INSERT INTO data (book, format, uncompressed_size, name) SELECT id, 'EPUB', id * 1000003, 'Buch - ' || id FROM books WHERE id <= 500;
INSERT INTO data (book, format, uncompressed_size, name) VALUES (1, 'pdf', 9223372036854775807, ''), (2, 'PDF', -9223372036854775808, 'x');
INSERT INTO covers VALUES (1, x'ffd8ff00', NULL), (2, zeroblob(5000), x''), (3, x'', x'00');
INSERT INTO identifiers (book, type, val) VALUES (1, 'isbn', '9780000000001'), (1, 'doi', '10.1/ä');
INSERT INTO custom_columns (label, name, datatype, display, normalized) VALUES ('read', 'Gelesen', 'bool', '{"default": null}', 0), ('pages', '', 'int', '[]', 1);
INSERT INTO custom_column_1 (value, book) VALUES (1, 1), (0, 2), (1, NULL);
INSERT INTO custom_column_2 (value, book) VALUES (-9223372036854775808, 1), (9223372036854775807, 2), (0, NULL);
INSERT INTO custom_column_3 (value, book) VALUES ('2024-02-29 23:59:59.999999+00:00', 1), ('0001-01-01 00:00:00+00:00', 2);
INSERT INTO preferences (key, val) VALUES ('news_to_be_synced', '[]'), ('user_categories', '{"Größe": [1, null]}'), ('', '');
INSERT INTO library_id (uuid) VALUES ('0d5c2cf8-1d5c-4c8e-8b7f-9f5c1c1a2b3c');
INSERT INTO metadata_dirtied (book) VALUES (5);
INSERT INTO plugin_data VALUES (1, 'a', '{"x": 1}'), (1, 'b', 'text'), (2, '', NULL);
INSERT INTO users VALUES ('123e4567-e89b-12d3-a456-426655440000', 'Ada@example.org', x'0102', 't', 'f', 9223372036854775807, 12.34, '1990-02-29', '2024-01-01 00:00:00', '2024-01-01 00:00:00.123456'),
  ('', 'b@example.org', x'', 'f', NULL, NULL, -99999999.99, NULL, '0001-01-01 00:00:00', '9999-12-31 23:59:59.999999');
UPDATE users SET birthday = '1992-02-29' WHERE email = 'Ada@example.org';
INSERT INTO devices VALUES ('d1', '123e4567-e89b-12d3-a456-426655440000', 'Läsplatta', 14, NULL, 1709251199), ('d2', '', '', -1, '', 253402300799);
BEGIN;
INSERT INTO shelves VALUES (1, 'Alle', NULL, NULL, 1), (2, NULL, 1, '', NULL);
INSERT INTO shelf_items VALUES (1, 1, 1), (2, 2, NULL);
COMMIT;
INSERT INTO last_read_positions (book, format, user, device, cfi, epoch, pos_frac) VALUES (1, 'EPUB', '_', 'd1', 'epubcfi(/6/2)', 1709251199.123456, 0.1), (1, 'epub', 'ä', 'd1', '', 0, 1);
INSERT INTO annotations (book, format, user_type, timestamp, annot_id, annot_type, annot_data, searchable_text)
  SELECT id, 'EPUB', 'local', 1709251199 + id / 3.0, 'a' || id, 'highlight', '{"text": "Grüße ' || id || '"}', 'Grüße ' || id FROM books WHERE id <= 150;
INSERT INTO books_text (title, body) SELECT title, 'words of ' || id FROM books WHERE id <= 20;
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
INSERT INTO events (subject_type, subject_id, name, payload, at_ms, size)
  SELECT CASE i % 3 WHEN 0 THEN 'Book' WHEN 1 THEN 'User' END, i, 'read', CASE WHEN i % 2 THEN '{"n": ' || i || '}' END, 1700000000000 + i * 1001, CASE WHEN i % 5 > 0 THEN i END FROM n;
INSERT INTO counters VALUES ('a', 1, 0.5, x'00', 'text'), ('b', -1, NULL, NULL, NULL);
INSERT INTO schema_migrations VALUES ('20160220000000'), ('20160221000000'), ('');
INSERT INTO log VALUES ('Start', 'info', 1700000000), ('Start', 'info', 1700000000), (NULL, NULL, NULL);
