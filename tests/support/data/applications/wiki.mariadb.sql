-- A wiki, as applications of that kind (MediaWiki) keep theirs: texts as bytes, moments as fourteen digits in bytes, unsigned ids,
-- enums, full-text indexes, blobs, tables with a unique key but no primary key, tables without any, no foreign keys in the database.
CREATE TABLE `user` (
  user_id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  user_name VARBINARY(255) NOT NULL DEFAULT '',
  user_real_name VARBINARY(255) NOT NULL DEFAULT '',
  user_password TINYBLOB NOT NULL,
  user_email TINYTEXT NOT NULL,
  user_touched BINARY(14) NOT NULL,
  user_token BINARY(32) NOT NULL DEFAULT '',
  user_email_authenticated BINARY(14) DEFAULT NULL,
  user_registration BINARY(14) DEFAULT NULL,
  user_editcount INT UNSIGNED DEFAULT NULL,
  user_password_expires VARBINARY(14) DEFAULT NULL,
  user_is_temp TINYINT(1) NOT NULL DEFAULT 0,
  UNIQUE KEY user_name (user_name),
  KEY user_email (user_email(50))
) ENGINE=InnoDB DEFAULT CHARSET=binary COMMENT='Who may edit; ''touched'' ends caches';
CREATE TABLE actor (
  actor_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  actor_user INT UNSIGNED DEFAULT NULL,
  actor_name VARBINARY(255) NOT NULL,
  UNIQUE KEY actor_user (actor_user),
  UNIQUE KEY actor_name (actor_name)
) ENGINE=InnoDB DEFAULT CHARSET=binary AUTO_INCREMENT=5000;
CREATE TABLE user_groups (
  ug_user INT UNSIGNED NOT NULL DEFAULT 0,
  ug_group VARBINARY(255) NOT NULL DEFAULT '',
  ug_expiry VARBINARY(14) DEFAULT NULL,
  PRIMARY KEY (ug_user, ug_group),
  KEY ug_group (ug_group),
  KEY ug_expiry (ug_expiry)
) ENGINE=InnoDB DEFAULT CHARSET=binary;
CREATE TABLE user_properties (
  up_user INT UNSIGNED NOT NULL,
  up_property VARBINARY(255) NOT NULL,
  up_value BLOB,
  PRIMARY KEY (up_user, up_property)
) ENGINE=InnoDB DEFAULT CHARSET=binary;
CREATE TABLE user_newtalk (
  user_id INT UNSIGNED NOT NULL DEFAULT 0,
  user_ip VARBINARY(40) NOT NULL DEFAULT '',
  user_last_timestamp VARBINARY(14) DEFAULT NULL,
  KEY un_user_id (user_id),
  KEY un_user_ip (user_ip)
) ENGINE=InnoDB DEFAULT CHARSET=binary;
CREATE TABLE bot_passwords (
  bp_user INT UNSIGNED NOT NULL,
  bp_app_id VARBINARY(32) NOT NULL,
  bp_password TINYBLOB NOT NULL,
  bp_restrictions BLOB NOT NULL,
  PRIMARY KEY (bp_user, bp_app_id)
) ENGINE=InnoDB DEFAULT CHARSET=binary;
CREATE TABLE page (
  page_id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  page_namespace INT NOT NULL,
  page_title VARBINARY(255) NOT NULL,
  page_is_redirect TINYINT UNSIGNED NOT NULL DEFAULT 0,
  page_is_new TINYINT UNSIGNED NOT NULL DEFAULT 0,
  page_random DOUBLE UNSIGNED NOT NULL,
  page_touched BINARY(14) NOT NULL,
  page_links_updated VARBINARY(14) DEFAULT NULL,
  page_latest INT UNSIGNED NOT NULL,
  page_len INT UNSIGNED NOT NULL,
  page_content_model VARBINARY(32) DEFAULT NULL,
  page_lang VARBINARY(35) DEFAULT NULL,
  UNIQUE KEY page_name_title (page_namespace, page_title),
  KEY page_random (page_random),
  KEY page_redirect_namespace_len (page_is_redirect, page_namespace, page_len)
) ENGINE=InnoDB DEFAULT CHARSET=binary;
CREATE TABLE page_restrictions (
  pr_id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  pr_page INT UNSIGNED NOT NULL,
  pr_type VARBINARY(60) NOT NULL,
  pr_level VARBINARY(60) NOT NULL,
  pr_cascade TINYINT NOT NULL,
  pr_expiry VARBINARY(14) DEFAULT NULL,
  UNIQUE KEY pr_pagetype (pr_page, pr_type)
) ENGINE=InnoDB DEFAULT CHARSET=binary;
CREATE TABLE revision (
  rev_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  rev_page INT UNSIGNED NOT NULL,
  rev_comment_id BIGINT UNSIGNED NOT NULL DEFAULT 0,
  rev_actor BIGINT UNSIGNED NOT NULL DEFAULT 0,
  rev_timestamp BINARY(14) NOT NULL,
  rev_minor_edit TINYINT UNSIGNED NOT NULL DEFAULT 0,
  rev_deleted TINYINT UNSIGNED NOT NULL DEFAULT 0,
  rev_len INT UNSIGNED DEFAULT NULL,
  rev_parent_id BIGINT UNSIGNED DEFAULT NULL,
  rev_sha1 VARBINARY(32) NOT NULL DEFAULT '',
  PRIMARY KEY (rev_id),
  KEY rev_timestamp (rev_timestamp),
  KEY rev_page_actor_timestamp (rev_page, rev_actor, rev_timestamp)
) ENGINE=InnoDB DEFAULT CHARSET=binary MAX_ROWS=10000000 AVG_ROW_LENGTH=1024;
CREATE TABLE comment (
  comment_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  comment_hash INT NOT NULL,
  comment_text BLOB NOT NULL,
  comment_data BLOB DEFAULT NULL,
  KEY comment_hash (comment_hash)
) ENGINE=InnoDB DEFAULT CHARSET=binary;
CREATE TABLE `text` (
  old_id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  old_text MEDIUMBLOB NOT NULL,
  old_flags TINYBLOB NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=binary ROW_FORMAT=COMPRESSED;
CREATE TABLE content (
  content_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  content_size INT UNSIGNED NOT NULL,
  content_sha1 VARBINARY(32) NOT NULL,
  content_model SMALLINT UNSIGNED NOT NULL,
  content_address VARBINARY(255) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=binary;
CREATE TABLE slots (
  slot_revision_id BIGINT UNSIGNED NOT NULL,
  slot_role_id SMALLINT UNSIGNED NOT NULL,
  slot_content_id BIGINT UNSIGNED NOT NULL,
  slot_origin BIGINT UNSIGNED NOT NULL,
  PRIMARY KEY (slot_revision_id, slot_role_id),
  KEY slot_revision_origin_role (slot_revision_id, slot_origin, slot_role_id)
) ENGINE=InnoDB DEFAULT CHARSET=binary;
CREATE TABLE slot_roles (role_id SMALLINT NOT NULL AUTO_INCREMENT PRIMARY KEY, role_name VARBINARY(64) NOT NULL, UNIQUE KEY role_name (role_name))
  ENGINE=InnoDB DEFAULT CHARSET=binary;
CREATE TABLE archive (
  ar_id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  ar_namespace INT NOT NULL DEFAULT 0,
  ar_title VARBINARY(255) NOT NULL DEFAULT '',
  ar_timestamp BINARY(14) NOT NULL,
  ar_rev_id BIGINT UNSIGNED NOT NULL,
  ar_page_id INT UNSIGNED DEFAULT NULL,
  ar_len INT UNSIGNED DEFAULT NULL,
  UNIQUE KEY ar_revid_uniq (ar_rev_id),
  KEY ar_name_title_timestamp (ar_namespace, ar_title, ar_timestamp)
) ENGINE=InnoDB DEFAULT CHARSET=binary;
CREATE TABLE pagelinks (
  pl_from INT UNSIGNED NOT NULL DEFAULT 0,
  pl_namespace INT NOT NULL DEFAULT 0,
  pl_title VARBINARY(255) NOT NULL DEFAULT '',
  UNIQUE KEY pl_from (pl_from, pl_namespace, pl_title),
  KEY pl_namespace (pl_namespace, pl_title, pl_from)
) ENGINE=InnoDB DEFAULT CHARSET=binary;
CREATE TABLE categorylinks (
  cl_from INT UNSIGNED NOT NULL DEFAULT 0,
  cl_to VARBINARY(255) NOT NULL DEFAULT '',
  cl_sortkey VARBINARY(230) NOT NULL DEFAULT '',
  cl_sortkey_prefix VARBINARY(255) NOT NULL DEFAULT '',
  cl_timestamp TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  cl_collation VARBINARY(32) NOT NULL DEFAULT '',
  cl_type ENUM('page', 'subcat', 'file') NOT NULL DEFAULT 'page',
  PRIMARY KEY (cl_from, cl_to),
  KEY cl_sortkey (cl_to, cl_type, cl_sortkey, cl_from)
) ENGINE=InnoDB DEFAULT CHARSET=binary;
CREATE TABLE category (
  cat_id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  cat_title VARBINARY(255) NOT NULL,
  cat_pages INT NOT NULL DEFAULT 0,
  cat_subcats INT NOT NULL DEFAULT 0,
  UNIQUE KEY cat_title (cat_title),
  KEY cat_pages (cat_pages DESC)
) ENGINE=InnoDB DEFAULT CHARSET=binary;
CREATE TABLE externallinks (
  el_id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  el_from INT UNSIGNED NOT NULL DEFAULT 0,
  el_to BLOB NOT NULL,
  el_index BLOB NOT NULL,
  el_index_60 VARBINARY(60) NOT NULL,
  KEY el_from (el_from, el_to(40)),
  KEY el_index (el_index(60))
) ENGINE=InnoDB DEFAULT CHARSET=binary;
CREATE TABLE redirect (
  rd_from INT UNSIGNED NOT NULL DEFAULT 0 PRIMARY KEY,
  rd_namespace INT NOT NULL DEFAULT 0,
  rd_title VARBINARY(255) NOT NULL DEFAULT '',
  rd_interwiki VARCHAR(32) DEFAULT NULL,
  rd_fragment VARBINARY(255) DEFAULT NULL
) ENGINE=InnoDB DEFAULT CHARSET=binary;
CREATE TABLE image (
  img_name VARBINARY(255) NOT NULL DEFAULT '' PRIMARY KEY,
  img_size INT UNSIGNED NOT NULL DEFAULT 0,
  img_width INT NOT NULL DEFAULT 0,
  img_height INT NOT NULL DEFAULT 0,
  img_metadata MEDIUMBLOB NOT NULL,
  img_bits INT NOT NULL DEFAULT 0,
  img_media_type ENUM('UNKNOWN', 'BITMAP', 'DRAWING', 'AUDIO', 'VIDEO', '3D') DEFAULT NULL,
  img_major_mime ENUM('unknown', 'application', 'audio', 'image', 'text', 'chemical') NOT NULL DEFAULT 'unknown',
  img_timestamp BINARY(14) NOT NULL,
  KEY img_media_mime (img_media_type, img_major_mime)
) ENGINE=InnoDB DEFAULT CHARSET=binary;
CREATE TABLE recentchanges (
  rc_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  rc_timestamp BINARY(14) NOT NULL,
  rc_actor BIGINT UNSIGNED NOT NULL,
  rc_namespace INT NOT NULL DEFAULT 0,
  rc_title VARBINARY(255) NOT NULL DEFAULT '',
  rc_bot TINYINT UNSIGNED NOT NULL DEFAULT 0,
  rc_ip VARBINARY(40) NOT NULL DEFAULT '',
  rc_old_len INT DEFAULT NULL,
  rc_log_type VARBINARY(255) DEFAULT NULL,
  rc_params BLOB DEFAULT NULL,
  KEY rc_timestamp (rc_timestamp),
  KEY new_name_timestamp (rc_bot, rc_namespace, rc_timestamp)
) ENGINE=InnoDB DEFAULT CHARSET=binary;
CREATE TABLE logging (
  log_id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  log_type VARBINARY(32) NOT NULL DEFAULT '',
  log_action VARBINARY(32) NOT NULL DEFAULT '',
  log_timestamp BINARY(14) NOT NULL DEFAULT '19700101000000',
  log_actor BIGINT UNSIGNED NOT NULL,
  log_page INT UNSIGNED DEFAULT NULL,
  log_params BLOB NOT NULL,
  log_deleted TINYINT UNSIGNED NOT NULL DEFAULT 0
) ENGINE=InnoDB DEFAULT CHARSET=binary;
CREATE TABLE log_search (
  ls_field VARBINARY(32) NOT NULL,
  ls_value VARCHAR(255) NOT NULL,
  ls_log_id INT UNSIGNED NOT NULL DEFAULT 0,
  PRIMARY KEY (ls_field, ls_value, ls_log_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
CREATE TABLE searchindex (
  si_page INT UNSIGNED NOT NULL,
  si_title VARCHAR(255) NOT NULL DEFAULT '',
  si_text MEDIUMTEXT NOT NULL,
  UNIQUE KEY si_page (si_page),
  FULLTEXT KEY si_title (si_title),
  FULLTEXT KEY si_text (si_text)
) ENGINE=MyISAM DEFAULT CHARSET=utf8mb4;
CREATE TABLE interwiki (
  iw_prefix VARCHAR(32) NOT NULL,
  iw_url BLOB NOT NULL,
  iw_local TINYINT(1) NOT NULL,
  iw_trans TINYINT NOT NULL DEFAULT 0,
  PRIMARY KEY (iw_prefix)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
CREATE TABLE objectcache (
  keyname VARBINARY(255) NOT NULL DEFAULT '' PRIMARY KEY,
  value MEDIUMBLOB,
  exptime DATETIME NOT NULL,
  KEY exptime (exptime)
) ENGINE=InnoDB DEFAULT CHARSET=binary;
CREATE TABLE querycache (
  qc_type VARBINARY(32) NOT NULL,
  qc_value INT UNSIGNED NOT NULL DEFAULT 0,
  qc_namespace INT NOT NULL DEFAULT 0,
  qc_title VARBINARY(255) NOT NULL DEFAULT '',
  KEY qc_type (qc_type, qc_value)
) ENGINE=InnoDB DEFAULT CHARSET=binary;
CREATE TABLE job (
  job_id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  job_cmd VARBINARY(60) NOT NULL DEFAULT '',
  job_params MEDIUMBLOB NOT NULL,
  job_random INT UNSIGNED NOT NULL DEFAULT 0,
  job_attempts INT UNSIGNED NOT NULL DEFAULT 0,
  job_token_timestamp BINARY(14) DEFAULT NULL,
  KEY job_cmd (job_cmd, job_params(128))
) ENGINE=InnoDB DEFAULT CHARSET=binary;
CREATE TABLE site_stats (
  ss_row_id INT UNSIGNED NOT NULL PRIMARY KEY,
  ss_total_edits BIGINT UNSIGNED DEFAULT NULL,
  ss_good_articles BIGINT UNSIGNED DEFAULT NULL
) ENGINE=InnoDB DEFAULT CHARSET=binary;
CREATE TABLE change_tag (
  ct_id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  ct_rc_id BIGINT UNSIGNED DEFAULT NULL,
  ct_log_id INT UNSIGNED DEFAULT NULL,
  ct_rev_id BIGINT UNSIGNED DEFAULT NULL,
  ct_params BLOB DEFAULT NULL,
  ct_tag_id INT UNSIGNED NOT NULL,
  UNIQUE KEY ct_rc_tag_id (ct_rc_id, ct_tag_id)
) ENGINE=InnoDB DEFAULT CHARSET=binary;
CREATE VIEW redirects AS SELECT page_id, page_title FROM page WHERE page_is_redirect = 1;

INSERT INTO `user` (user_name, user_real_name, user_password, user_email, user_touched, user_token, user_registration, user_editcount) VALUES
  ('Admin', '', ':pbkdf2:sha512:', 'admin@example.org', '20240229235959', 'ab', NULL, 4294967295),
  ('Ünïcode 👋', '日本', '', '', '00010101000000', REPEAT('f', 32), '20160101000000', NULL),
  (X'FF00C328', ' ', X'00', 'x@example.org', '', '', '', 0);
INSERT INTO actor (actor_id, actor_user, actor_name) VALUES (1, 1, 'Admin'), (2, NULL, '192.0.2.1'), (18446744073709551615, 2, '2001:DB8::1');
INSERT INTO user_groups VALUES (1, 'sysop', NULL), (1, '', '20380119031408'), (4294967295, 'bot', '');
INSERT INTO user_properties VALUES (1, 'language', 'de'), (1, 'signature', ''), (2, 'skin', NULL), (2, X'C3A4', X'FFFE');
INSERT INTO user_newtalk VALUES (1, '', NULL), (1, '', NULL), (0, '192.0.2.1', '20240101000000');
INSERT INTO bot_passwords VALUES (1, 'bot', 'x', '{"IPAddresses":["0.0.0.0/0"]}');
INSERT INTO page (page_namespace, page_title, page_is_redirect, page_random, page_touched, page_latest, page_len, page_lang)
  SELECT CAST(seq % 16 AS SIGNED) - 2, CONCAT('Seite_', seq, IF(seq % 7 = 0, '_ä', '')), seq % 10 = 0, seq / 1000, CONCAT('202401010', LPAD(seq % 100000, 5, '0')), seq, seq * 7, NULL
  FROM seq_1_to_800;
INSERT INTO page (page_namespace, page_title, page_random, page_touched, page_latest, page_len) VALUES
  (-2147483648, '', 0, '', 0, 4294967295), (2147483647, X'80', 1.7976931348623157e308, '', 4294967295, 0);
INSERT INTO page_restrictions (pr_page, pr_type, pr_level, pr_cascade, pr_expiry) VALUES (1, 'edit', 'sysop', 0, 'infinity'), (1, 'move', '', -128, NULL);
INSERT INTO revision (rev_page, rev_comment_id, rev_actor, rev_timestamp, rev_minor_edit, rev_len, rev_parent_id, rev_sha1)
  SELECT seq % 800 + 1, seq % 50, seq % 3, DATE_FORMAT('2020-02-28' + INTERVAL seq HOUR, '%Y%m%d%H%i%s'), seq % 2, IF(seq % 9 = 0, NULL, seq), NULLIF(seq - 1, 0),
    MD5(seq) FROM seq_1_to_4000;
INSERT INTO comment (comment_hash, comment_text, comment_data) SELECT CRC32(seq) % 2147483647, CONCAT('/* Grüße */ ', seq), NULL FROM seq_1_to_50;
INSERT INTO comment (comment_hash, comment_text, comment_data) VALUES (-2147483648, '', '{"a":null}');
INSERT INTO `text` (old_text, old_flags) SELECT REPEAT(CONCAT('Wörter ', seq, CHAR(0), '\n'), seq), 'utf-8,gzip' FROM seq_1_to_300;
INSERT INTO `text` (old_text, old_flags) VALUES ('', ''), (X'1F8B08000000', 'gzip');
INSERT INTO content (content_size, content_sha1, content_model, content_address) SELECT seq, MD5(seq), 1, CONCAT('tt:', seq) FROM seq_1_to_300;
INSERT INTO slots SELECT seq, 1, seq, seq FROM seq_1_to_300;
INSERT INTO slot_roles (role_name) VALUES ('main'), ('');
INSERT INTO archive (ar_namespace, ar_title, ar_timestamp, ar_rev_id) VALUES (0, 'Gelöscht', '20010115000000', 18446744073709551615), (-1, '', '', 0);
INSERT INTO pagelinks SELECT seq, 0, CONCAT('Seite_', seq + 1) FROM seq_1_to_500;
INSERT INTO categorylinks VALUES (1, 'Tiere', 'TIERE\nx', '', '1970-01-01 00:00:01', 'uppercase', 'page'), (2, 'Tiere', X'00FF', 'Ä', '2038-01-19 03:14:07', '', 'subcat');
INSERT INTO category (cat_title, cat_pages) VALUES ('Tiere', 2), ('', -1);
INSERT INTO externallinks (el_from, el_to, el_index, el_index_60) VALUES (1, 'https://example.org/?q=ä', 'https://org.example./?q=ä', 'https://org.example.'), (1, '', '', '');
INSERT INTO redirect VALUES (10, 0, 'Ziel', NULL, ''), (20, 2147483647, '', '', 'Abschnitt');
INSERT INTO image VALUES ('A.png', 4294967295, -1, 0, 'a:0:{}', 8, 'BITMAP', 'image', '20240101000000'), ('', 0, 0, 0, X'00', 0, NULL, 'unknown', ''),
  ('x.stl', 0, 0, 0, '', 0, '3D', 'chemical', '0');
INSERT INTO recentchanges (rc_timestamp, rc_actor, rc_title, rc_ip, rc_params) SELECT '20240101000000', seq, seq, '192.0.2.1', IF(seq % 2, NULL, '') FROM seq_1_to_100;
INSERT INTO logging (log_type, log_action, log_actor, log_params) VALUES ('delete', 'delete', 1, 'a:0:{}'), ('', '', 18446744073709551615, '');
INSERT INTO log_search VALUES ('page_id', 'a', 1), ('page_id', 'A', 1), ('page_id', 'ä', 1), ('', '', 0);
INSERT INTO searchindex VALUES (1, 'seite eins', 'u8c3a4pfel birnen'), (2, 'Straße', ''), (4294967295, '', '👋 \\ \t \r\n');
INSERT INTO interwiki VALUES ('de', 'https://de.example/wiki/$1', 1, 0), ('ß', '', 0, 127);
INSERT INTO objectcache VALUES ('k', NULL, '2038-01-19 03:14:07'), ('leer', '', '0000-00-00 00:00:00'), ('ewig', X'C0', '9999-12-31 23:59:59');
INSERT INTO querycache VALUES ('Lonelypages', 0, 0, 'A'), ('Lonelypages', 0, 0, 'A'), ('', 4294967295, -1, '');
INSERT INTO job (job_cmd, job_params, job_token_timestamp) VALUES ('refreshLinks', 'a:1:{s:1:"x";i:1;}', NULL), ('', '', '20240101000000');
INSERT INTO site_stats VALUES (1, 18446744073709551615, NULL);
INSERT INTO change_tag (ct_rc_id, ct_tag_id) VALUES (1, 1), (NULL, 1), (NULL, 1);
