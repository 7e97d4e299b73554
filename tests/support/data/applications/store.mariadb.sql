-- A web shop, as applications of that kind (PrestaShop) keep theirs: unsigned ids, decimals, booleans as tinyint, enums and sets, zero
-- dates, translations by a three-column key, carts and orders with foreign keys, generated columns, JSON, collations, comments, triggers.
SET sql_mode = 'STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_AUTO_VALUE_ON_ZERO';
CREATE TABLE lang (
  id_lang INT(10) UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  name VARCHAR(32) NOT NULL,
  active TINYINT(1) UNSIGNED NOT NULL DEFAULT 0,
  iso_code CHAR(2) NOT NULL,
  locale VARCHAR(5) CHARACTER SET ascii NOT NULL,
  date_format CHAR(32) NOT NULL DEFAULT 'Y-m-d',
  is_rtl TINYINT(1) NOT NULL DEFAULT 0,
  KEY lang_iso_code (iso_code)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
CREATE TABLE shop (
  id_shop INT(11) UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  id_parent INT(11) UNSIGNED DEFAULT NULL,
  name VARCHAR(64) CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci NOT NULL,
  color VARCHAR(50) NOT NULL,
  deleted TINYINT(1) NOT NULL DEFAULT 0,
  KEY id_parent (id_parent, deleted),
  CONSTRAINT shop_parent FOREIGN KEY (id_parent) REFERENCES shop (id_shop)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='One shop a domain';
CREATE TABLE country (
  id_country INT(10) UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  iso_code VARCHAR(3) NOT NULL,
  call_prefix INT(10) NOT NULL DEFAULT 0,
  active TINYINT(1) UNSIGNED NOT NULL DEFAULT 0,
  zip_code_format VARCHAR(12) NOT NULL DEFAULT '',
  display_tax_label BOOLEAN NOT NULL,
  location POINT DEFAULT NULL,
  UNIQUE KEY country_iso_code (iso_code)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
CREATE TABLE country_lang (
  id_country INT(10) UNSIGNED NOT NULL, id_lang INT(10) UNSIGNED NOT NULL, name VARCHAR(64) NOT NULL,
  PRIMARY KEY (id_country, id_lang)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
CREATE TABLE currency (
  id_currency INT(10) UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  iso_code VARCHAR(3) NOT NULL DEFAULT '0',
  numeric_iso_code INT(3) UNSIGNED ZEROFILL DEFAULT NULL,
  conversion_rate DECIMAL(13,6) NOT NULL,
  deleted TINYINT(1) UNSIGNED NOT NULL DEFAULT 0
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
CREATE TABLE category (
  id_category INT(10) UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  id_parent INT(10) UNSIGNED NOT NULL,
  level_depth TINYINT(3) UNSIGNED NOT NULL DEFAULT 0,
  nleft INT(10) UNSIGNED NOT NULL DEFAULT 0,
  nright INT(10) UNSIGNED NOT NULL DEFAULT 0,
  active TINYINT(1) UNSIGNED NOT NULL DEFAULT 0,
  date_add DATETIME NOT NULL DEFAULT '0000-00-00 00:00:00',
  date_upd DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  KEY category_parent (id_parent),
  KEY nleftrightactive (nleft, nright, active)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
CREATE TABLE category_lang (
  id_category INT(10) UNSIGNED NOT NULL,
  id_shop INT(11) UNSIGNED NOT NULL DEFAULT 1,
  id_lang INT(10) UNSIGNED NOT NULL,
  name VARCHAR(128) NOT NULL,
  description TEXT,
  link_rewrite VARCHAR(128) CHARACTER SET ascii NOT NULL,
  meta_title VARCHAR(255) DEFAULT NULL,
  PRIMARY KEY (id_category, id_shop, id_lang),
  KEY category_name (name(20)),
  CONSTRAINT category_lang_of FOREIGN KEY (id_category) REFERENCES category (id_category) ON DELETE CASCADE ON UPDATE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
CREATE TABLE manufacturer (
  id_manufacturer INT(10) UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, name VARCHAR(64) NOT NULL, date_add DATETIME NOT NULL, active TINYINT(1) NOT NULL DEFAULT 0
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
CREATE TABLE tax (id_tax INT(10) UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, rate DECIMAL(10,3) NOT NULL, active TINYINT(1) UNSIGNED NOT NULL DEFAULT 1)
  ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
CREATE TABLE product (
  id_product INT(10) UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  id_manufacturer INT(10) UNSIGNED DEFAULT NULL,
  id_category_default INT(10) UNSIGNED DEFAULT NULL,
  on_sale TINYINT(1) UNSIGNED NOT NULL DEFAULT 0,
  ean13 VARCHAR(13) DEFAULT NULL,
  quantity INT(10) NOT NULL DEFAULT 0,
  price DECIMAL(20,6) NOT NULL DEFAULT '0.000000',
  wholesale_price DECIMAL(20,6) NOT NULL DEFAULT '0.000000',
  margin DECIMAL(21,6) GENERATED ALWAYS AS (price - wholesale_price) STORED,
  reference VARCHAR(64) DEFAULT NULL COMMENT 'The manufacturer''s own',
  reference_key VARCHAR(64) GENERATED ALWAYS AS (LOWER(reference)) VIRTUAL,
  width FLOAT NOT NULL DEFAULT 0,
  weight DOUBLE DEFAULT NULL,
  redirect_type ENUM('', '404', '410', '301-product', '302-category') NOT NULL DEFAULT '404',
  features SET('new', 'used', 'refurbished', 'virtual') NOT NULL DEFAULT '',
  visibility ENUM('both', 'catalog', 'search', 'none') NOT NULL DEFAULT 'both',
  available_date DATE NOT NULL DEFAULT '0000-00-00',
  attributes LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL CHECK (json_valid(attributes)),
  data JSON DEFAULT NULL,
  date_add DATETIME NOT NULL,
  date_upd TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3),
  KEY product_manufacturer (id_manufacturer, id_product),
  KEY reference_idx (reference),
  KEY date_add (date_add DESC),
  KEY reference_key (reference_key),
  CONSTRAINT product_maker FOREIGN KEY (id_manufacturer) REFERENCES manufacturer (id_manufacturer) ON DELETE SET NULL,
  CONSTRAINT product_category FOREIGN KEY (id_category_default) REFERENCES category (id_category),
  CONSTRAINT price_not_negative CHECK (price >= 0)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
CREATE TABLE product_lang (
  id_product INT(10) UNSIGNED NOT NULL, id_shop INT(11) UNSIGNED NOT NULL DEFAULT 1, id_lang INT(10) UNSIGNED NOT NULL,
  name VARCHAR(128) NOT NULL, description MEDIUMTEXT, description_short TEXT, link_rewrite VARCHAR(128) NOT NULL,
  PRIMARY KEY (id_product, id_shop, id_lang),
  FULLTEXT KEY product_text (name, description),
  CONSTRAINT product_lang_of FOREIGN KEY (id_product) REFERENCES product (id_product) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
CREATE TABLE category_product (
  id_category INT(10) UNSIGNED NOT NULL, id_product INT(10) UNSIGNED NOT NULL, position INT(10) UNSIGNED NOT NULL DEFAULT 0,
  PRIMARY KEY (id_category, id_product), KEY id_product (id_product)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
CREATE TABLE image (
  id_image INT(10) UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, id_product INT(10) UNSIGNED NOT NULL, position SMALLINT(2) UNSIGNED NOT NULL DEFAULT 0,
  cover TINYINT(1) UNSIGNED DEFAULT NULL, hash BINARY(16) DEFAULT NULL,
  UNIQUE KEY id_product_cover (id_product, cover)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
CREATE TABLE stock_available (
  id_stock BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, id_product INT(11) UNSIGNED NOT NULL, quantity MEDIUMINT NOT NULL DEFAULT 0,
  out_of_stock TINYINT(1) UNSIGNED NOT NULL DEFAULT 2, reserved MEDIUMINT UNSIGNED NOT NULL DEFAULT 0
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 AUTO_INCREMENT=18446744073709551000;
CREATE TABLE customer (
  id_customer INT(10) UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  id_shop INT(11) UNSIGNED NOT NULL DEFAULT 1,
  id_lang INT(10) UNSIGNED DEFAULT NULL,
  gender ENUM('f', 'm', 'x') DEFAULT NULL,
  firstname VARCHAR(255) NOT NULL,
  lastname VARCHAR(255) NOT NULL,
  email VARCHAR(255) NOT NULL,
  passwd VARCHAR(60) NOT NULL,
  last_passwd_gen TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
  birthday DATE DEFAULT NULL,
  ip_registration VARCHAR(15) DEFAULT NULL,
  ip INET6 DEFAULT NULL,
  token UUID DEFAULT NULL,
  note TEXT,
  date_add DATETIME NOT NULL,
  reset_validity DATETIME DEFAULT NULL,
  last_order_id INT(10) UNSIGNED DEFAULT NULL,
  UNIQUE KEY customer_email (email),
  KEY customer_login (email, passwd),
  CONSTRAINT customer_shop FOREIGN KEY (id_shop) REFERENCES shop (id_shop)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
CREATE TABLE customer_group (id_customer INT(10) UNSIGNED NOT NULL, id_group INT(10) UNSIGNED NOT NULL, PRIMARY KEY (id_customer, id_group))
  ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
CREATE TABLE address (
  id_address INT(10) UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  id_customer INT(10) UNSIGNED NOT NULL DEFAULT 0,
  id_country INT(10) UNSIGNED NOT NULL,
  alias VARCHAR(32) NOT NULL,
  address1 VARCHAR(128) NOT NULL, postcode VARCHAR(12) DEFAULT NULL, city VARCHAR(64) NOT NULL, phone VARCHAR(32) DEFAULT NULL,
  deleted TINYINT(1) UNSIGNED NOT NULL DEFAULT 0,
  KEY address_customer (id_customer),
  CONSTRAINT address_country FOREIGN KEY (id_country) REFERENCES country (id_country)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
CREATE TABLE cart (
  id_cart INT(10) UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, id_customer INT(10) UNSIGNED NOT NULL, gift TINYINT(1) UNSIGNED NOT NULL DEFAULT 0,
  gift_message TEXT, checkout_session MEDIUMTEXT, date_add DATETIME NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
CREATE TABLE cart_product (
  id_cart INT(10) UNSIGNED NOT NULL, id_product INT(10) UNSIGNED NOT NULL, quantity INT(10) UNSIGNED NOT NULL DEFAULT 0, date_add DATETIME NOT NULL,
  PRIMARY KEY (id_cart, id_product)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
CREATE TABLE orders (
  id_order INT(10) UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  reference VARCHAR(9) DEFAULT NULL,
  id_customer INT(10) UNSIGNED NOT NULL,
  id_cart INT(10) UNSIGNED NOT NULL,
  id_address INT(10) UNSIGNED DEFAULT NULL,
  current_state INT(10) UNSIGNED NOT NULL,
  payment VARCHAR(255) NOT NULL,
  total_paid DECIMAL(20,6) NOT NULL DEFAULT '0.000000',
  conversion_rate DECIMAL(13,6) NOT NULL DEFAULT 1.000000,
  invoice_date DATETIME NOT NULL DEFAULT '0000-00-00 00:00:00',
  delivery_time TIME DEFAULT NULL,
  fiscal_year YEAR(4) NOT NULL DEFAULT 2024,
  valid BIT(1) NOT NULL DEFAULT b'0',
  options BIT(12) DEFAULT NULL,
  date_add DATETIME(6) NOT NULL,
  KEY reference (reference),
  KEY id_customer (id_customer),
  KEY date_add (date_add),
  CONSTRAINT orders_customer FOREIGN KEY (id_customer) REFERENCES customer (id_customer),
  CONSTRAINT orders_cart FOREIGN KEY (id_cart) REFERENCES cart (id_cart),
  CONSTRAINT orders_address FOREIGN KEY (id_address) REFERENCES address (id_address) ON DELETE SET NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
ALTER TABLE customer ADD CONSTRAINT customer_last_order FOREIGN KEY (last_order_id) REFERENCES orders (id_order) ON DELETE SET NULL;
CREATE TABLE order_detail (
  id_order_detail INT(10) UNSIGNED NOT NULL AUTO_INCREMENT,
  id_order INT(10) UNSIGNED NOT NULL,
  product_id INT(10) UNSIGNED NOT NULL,
  product_name TEXT NOT NULL,
  product_quantity INT(10) UNSIGNED NOT NULL DEFAULT 0,
  unit_price DECIMAL(20,6) NOT NULL DEFAULT '0.000000',
  ecotax DECIMAL(17,6) NOT NULL DEFAULT 0.000000,
  download_deadline DATETIME DEFAULT '0000-00-00 00:00:00',
  PRIMARY KEY (id_order_detail),
  KEY order_detail_order (id_order),
  CONSTRAINT order_detail_of FOREIGN KEY (id_order) REFERENCES orders (id_order) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
CREATE TABLE order_state (id_order_state INT(10) UNSIGNED NOT NULL PRIMARY KEY, color VARCHAR(32) DEFAULT NULL, hidden TINYINT(1) UNSIGNED NOT NULL DEFAULT 0)
  ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
CREATE TABLE order_history (
  id_order INT(10) UNSIGNED NOT NULL, id_order_state INT(10) UNSIGNED NOT NULL, changed TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
  KEY of_order (id_order)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
CREATE TABLE customer_message (
  id_message INT(10) UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, id_employee INT(10) UNSIGNED DEFAULT NULL, message MEDIUMTEXT NOT NULL,
  user_agent VARCHAR(128) DEFAULT NULL, `private` TINYINT NOT NULL DEFAULT 0, `read` TINYINT(1) NOT NULL DEFAULT 0, date_add DATETIME NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
CREATE TABLE message_header (md5_header VARBINARY(32) NOT NULL, KEY md5_header_index (md5_header(4))) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
CREATE TABLE configuration (
  id_configuration INT(10) UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, id_shop INT(11) UNSIGNED DEFAULT NULL, name VARCHAR(254) NOT NULL, value TEXT,
  date_add DATETIME NOT NULL, KEY name (name)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
CREATE TABLE employee (
  id_employee INT(10) UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, lastname VARCHAR(255) NOT NULL, email VARCHAR(255) NOT NULL, passwd VARCHAR(255) NOT NULL,
  stats_from DATE DEFAULT NULL, active TINYINT(1) UNSIGNED NOT NULL DEFAULT 0, last_connection DATE DEFAULT '0000-00-00', UNIQUE KEY employee_email (email)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
CREATE TABLE search_word (
  id_word INT(10) UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, id_shop INT(11) UNSIGNED NOT NULL DEFAULT 1, id_lang INT(10) UNSIGNED NOT NULL,
  word VARCHAR(30) NOT NULL, UNIQUE KEY id_lang (id_lang, id_shop, word)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
CREATE TABLE search_index (id_product INT(11) UNSIGNED NOT NULL, id_word INT(11) UNSIGNED NOT NULL, weight SMALLINT(4) UNSIGNED NOT NULL DEFAULT 1,
  PRIMARY KEY (id_word, id_product)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 PARTITION BY HASH (id_word) PARTITIONS 4;
CREATE TABLE connections (
  id_connections BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, ip_address BIGINT DEFAULT NULL, date_add DATETIME NOT NULL, http_referer VARCHAR(255) DEFAULT NULL,
  KEY date_add (date_add)
) ENGINE=MyISAM DEFAULT CHARSET=latin1;
CREATE VIEW active_products AS SELECT p.id_product, l.name FROM product p JOIN product_lang l USING (id_product) WHERE p.visibility <> 'none';
CREATE TRIGGER stock_after_sale AFTER INSERT ON order_detail FOR EACH ROW BEGIN
  UPDATE stock_available SET reserved = reserved + NEW.product_quantity WHERE id_product = NEW.product_id;
END;
CREATE PROCEDURE forget_carts() BEGIN DELETE FROM cart WHERE date_add < NOW() - INTERVAL 1 YEAR; END;

INSERT INTO lang VALUES (1, 'English (English)', 1, 'en', 'en-US', 'm/d/Y', 0), (2, 'العربية', 0, 'ar', 'ar-SA', '', 1);
INSERT INTO shop VALUES (1, NULL, 'Läden & Söhne', 'red', 0), (2, 1, '', '', 1), (4294967295, 1, ' x ', '#fff', 0);
INSERT INTO country VALUES (1, 'DE', 49, 1, 'NNNNN', 1, POINT(13.4, 52.5)), (2, 'US', 1, 0, 'NNNNN', 0, NULL);
INSERT INTO country_lang VALUES (1, 1, 'Germany'), (1, 2, 'ألمانيا'), (2, 1, '');
INSERT INTO currency VALUES (1, 'EUR', 978, 1.000000, 0), (2, 'JPY', 36, 9999999.999999, 0), (3, '', NULL, 0.000001, 1);
INSERT INTO category VALUES (1, 0, 0, 1, 6, 1, '0000-00-00 00:00:00', '2024-01-01'), (2, 1, 1, 2, 3, 1, '1000-01-01 00:00:00', '2024-01-01'),
  (3, 1, 255, 4294967295, 0, 0, '9999-12-31 23:59:59', '2024-02-29 23:59:59');
INSERT INTO category_lang VALUES (1, 1, 1, 'Root', NULL, 'root', NULL), (2, 1, 1, 'Straße', '', 'strasse', ''), (2, 1, 2, 'STRASSE  ', 'x', '', NULL);
INSERT INTO manufacturer VALUES (1, 'Ünïcode', '2024-01-01', 1), (2, '', '0000-00-00', 0);
INSERT INTO tax VALUES (1, 19.600, 1), (2, -9999999.999, 0);
INSERT INTO product (id_product, id_manufacturer, id_category_default, on_sale, ean13, price, wholesale_price, reference, width, weight, redirect_type, features, visibility,
    available_date, attributes, data, date_add, date_upd)
  SELECT seq, IF(seq % 3, 1, NULL), seq % 3 + 1, seq % 2, IF(seq % 4, LPAD(seq, 13, '0'), NULL), seq * 1.234567, seq, IF(seq % 5, CONCAT('Ref-', seq, ' Ä'), NULL), seq / 3, seq / 7,
    ELT(seq % 3 + 1, '', '404', '410'), ELT(seq % 3 + 1, '', 'new', 'new,virtual'), 'both', IF(seq % 10, '2024-02-29', '0000-00-00'),
    IF(seq % 2, JSON_OBJECT('größe', seq), NULL), IF(seq % 2, NULL, '[1, 2.50, "a"]'), '2024-01-01' + INTERVAL seq MINUTE, '2024-03-31 00:59:59.123'
  FROM seq_1_to_1200;
INSERT INTO product (price, reference, width, weight, date_add, attributes) VALUES (99999999999999.999999, '', 3.402823e38, -1.7976931348623157e308, '9999-12-31 23:59:59', '{"a":1,"a":2}');
INSERT INTO product_lang SELECT seq, 1, 1, CONCAT('Produkt ', seq, ' 👟'), IF(seq % 2, REPEAT('<p>Grüße</p>\r\n', seq % 50), NULL), '', CONCAT('produkt-', seq) FROM seq_1_to_1200;
INSERT INTO category_product SELECT seq % 3 + 1, seq, seq FROM seq_1_to_1200;
INSERT INTO image (id_product, position, cover, hash) SELECT seq, seq, IF(seq % 2, 1, NULL), IF(seq % 3, UNHEX(MD5(seq)), NULL) FROM seq_1_to_100;
INSERT INTO stock_available (id_stock, id_product, quantity, reserved) SELECT seq, seq, CAST(seq AS SIGNED) - 100, 0 FROM seq_1_to_200;
INSERT INTO stock_available (id_product, quantity, reserved) VALUES (4294967295, -8388608, 16777215), (2, 8388607, 0);
INSERT INTO customer (firstname, lastname, email, passwd, birthday, ip_registration, ip, token, note, date_add, gender, last_passwd_gen)
  SELECT CONCAT('Vorname', seq), 'Müller', CONCAT('person', seq, '@example.org'), MD5(seq), IF(seq % 9, '1980-02-29', IF(seq % 2, '0000-00-00', NULL)), '192.0.2.1',
    IF(seq % 2, '2001:db8::1', '::ffff:192.0.2.1'), IF(seq % 2, '123e4567-e89b-12d3-a456-426655440000', NULL), IF(seq % 3, '', NULL), '2023-10-29 02:30:00', ELT(seq % 4, 'f', 'm', 'x'),
    '2024-01-01 00:00:00'
  FROM seq_1_to_300;
INSERT INTO customer_group SELECT seq, 3 FROM seq_1_to_300;
INSERT INTO address (id_customer, id_country, alias, address1, postcode, city, phone) SELECT seq, 1, 'Zuhause', CONCAT('Straße ', seq), '01067', 'Köln', '+49 221 123456' FROM seq_1_to_300;
INSERT INTO cart (id_customer, gift_message, checkout_session, date_add) SELECT seq, IF(seq % 2, NULL, ''), '{"step":1}', '2024-01-01' FROM seq_1_to_300;
INSERT INTO cart_product SELECT seq, seq, 1, '2024-01-01' FROM seq_1_to_300;
INSERT INTO orders (reference, id_customer, id_cart, id_address, current_state, payment, total_paid, invoice_date, delivery_time, fiscal_year, valid, options, date_add)
  SELECT LPAD(CONV(seq, 10, 36), 9, 'X'), seq % 300 + 1, seq % 300 + 1, IF(seq % 4, seq % 300 + 1, NULL), seq % 5, IF(seq % 2, 'Überweisung', ''), seq * 1.1, IF(seq % 3, '2024-01-01 12:00:00', '0000-00-00'),
    SEC_TO_TIME(seq), 2024, seq % 2, IF(seq % 2, seq, NULL), '2024-01-01' + INTERVAL seq SECOND + INTERVAL seq MICROSECOND
  FROM seq_1_to_2000;
UPDATE orders SET delivery_time = '23:59:59', fiscal_year = 1901, options = b'111111111111' WHERE id_order = 1;
UPDATE orders SET delivery_time = '00:00:00', fiscal_year = 2155, invoice_date = '1000-01-01' WHERE id_order = 2;
UPDATE customer SET last_order_id = 299 + id_customer WHERE id_customer % 2 = 0;
INSERT INTO order_detail (id_order, product_id, product_name, product_quantity, unit_price, download_deadline)
  SELECT seq, seq % 1200 + 1, 'Schuh, Größe 42', 1, 1.5, IF(seq % 2, '0000-00-00', NULL) FROM seq_1_to_2000;
INSERT INTO order_state VALUES (0, NULL, 0), (1, '#34209E', 1);
INSERT INTO order_history VALUES (1, 1, '2024-01-01'), (1, 1, '2024-01-01'), (2, 0, '1970-01-01 00:00:01');
INSERT INTO order_history SELECT seq, seq % 5, '2024-06-01' + INTERVAL seq MINUTE FROM seq_3_to_500;
INSERT INTO customer_message (message, user_agent, `private`, `read`, date_add) VALUES ('Wo ist mein Paket? 📦', NULL, -128, 1, '2024-01-01'), ('', '', 127, -1, '2024-01-01');
INSERT INTO message_header VALUES (MD5('a')), (MD5('a')), ('');
INSERT INTO configuration (id_shop, name, value, date_add) VALUES (NULL, 'PS_LANG', '1', '2024-01-01'), (1, '', NULL, '0000-00-00'), (1, 'X', '', '2024-01-01');
INSERT INTO employee (lastname, email, passwd, stats_from) VALUES ('Ärger', 'boss@example.org', '$2y$', NULL), ('', 'BOSS2@example.org', '', '0000-00-00');
INSERT INTO search_word (id_lang, word) VALUES (1, 'straße'), (1, 'schuh'), (2, 'straße');
INSERT INTO search_index SELECT seq, seq % 3 + 1, 65535 FROM seq_1_to_300;
INSERT INTO connections (ip_address, date_add, http_referer) VALUES (3232235521, '2024-01-01', NULL), (-1, '0000-00-00', 'ä'), (9223372036854775807, '2024-01-01', '');
