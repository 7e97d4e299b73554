-- A federated social network, as applications of that kind (Mastodon) keep theirs: ids made by a function of the schema, arrays of
-- ids, jsonb, partial and expression indexes, full-text and trigram search, references that name their table, one materialized view.
CREATE EXTENSION pg_trgm;

CREATE FUNCTION next_snowflake(sequence_name text) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
  RETURN (extract(epoch FROM clock_timestamp()) * 1000)::bigint << 16 | (nextval(sequence_name::regclass) & 65535);
END $$;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.updated_at := now(); RETURN NEW; END $$;

CREATE SEQUENCE accounts_id_seq;
CREATE SEQUENCE posts_id_seq;
CREATE SEQUENCE media_id_seq;

CREATE TABLE accounts (
  id bigint PRIMARY KEY DEFAULT next_snowflake('accounts_id_seq'),
  handle varchar NOT NULL DEFAULT '',
  host varchar,
  key_private text,
  key_public text NOT NULL DEFAULT '',
  title varchar(30) NOT NULL DEFAULT '',
  about text NOT NULL DEFAULT '',
  actor_uri varchar NOT NULL DEFAULT '',
  profile_url varchar,
  protocol integer NOT NULL DEFAULT 0,
  is_locked boolean NOT NULL DEFAULT false,
  discoverable boolean,
  profile_fields jsonb,
  aliases varchar[],
  cited_domains varchar[] DEFAULT '{}',
  moved_to_id bigint,
  avatar_size integer,
  avatar_at timestamp,
  silenced_at timestamp,
  suspended_at timestamp,
  created_at timestamp NOT NULL,
  updated_at timestamp NOT NULL
);
ALTER TABLE accounts ADD CONSTRAINT fk_moved FOREIGN KEY (moved_to_id) REFERENCES accounts ON DELETE SET NULL;
ALTER SEQUENCE accounts_id_seq OWNED BY accounts.id;
CREATE INDEX accounts_search ON accounts USING gin (
  (setweight(to_tsvector('simple', title), 'A') || setweight(to_tsvector('simple', handle), 'B')));
CREATE UNIQUE INDEX accounts_handle_host ON accounts (lower(handle), coalesce(lower(host), ''));
CREATE INDEX accounts_moved ON accounts (moved_to_id) WHERE moved_to_id IS NOT NULL;
CREATE INDEX accounts_url ON accounts (profile_url text_pattern_ops) WHERE profile_url IS NOT NULL;
CREATE INDEX accounts_title_like ON accounts USING gin (title gin_trgm_ops);
CREATE INDEX accounts_uri ON accounts (actor_uri);
CREATE TRIGGER accounts_touch BEFORE UPDATE ON accounts FOR EACH ROW EXECUTE FUNCTION touch();

CREATE TABLE account_stats (
  id bigserial PRIMARY KEY,
  account_id bigint NOT NULL UNIQUE REFERENCES accounts ON DELETE CASCADE,
  posts bigint NOT NULL DEFAULT 0,
  followers bigint NOT NULL DEFAULT 0,
  last_post_at timestamp
);
CREATE INDEX account_stats_last ON account_stats (last_post_at DESC NULLS LAST, account_id);

CREATE TABLE roles (
  id bigserial PRIMARY KEY,
  name varchar NOT NULL DEFAULT '',
  color varchar NOT NULL DEFAULT '',
  permissions bigint NOT NULL DEFAULT 0,
  place integer NOT NULL DEFAULT 0,
  highlighted boolean NOT NULL DEFAULT false
);

CREATE TABLE invites (
  id bigserial PRIMARY KEY,
  user_id bigint NOT NULL,
  code varchar NOT NULL CONSTRAINT invites_code UNIQUE,
  expires_at timestamp,
  max_uses integer,
  uses integer NOT NULL DEFAULT 0,
  CONSTRAINT enough_uses CHECK (max_uses IS NULL OR uses <= max_uses)
);

CREATE TABLE users (
  id bigserial PRIMARY KEY,
  account_id bigint NOT NULL CONSTRAINT users_account REFERENCES accounts ON DELETE CASCADE,
  email varchar NOT NULL DEFAULT '' CONSTRAINT users_email UNIQUE,
  encrypted_password varchar NOT NULL DEFAULT '',
  reset_token varchar,
  otp_backup_codes varchar[],
  languages varchar[],
  settings text,
  sign_in_count integer NOT NULL DEFAULT 0,
  last_sign_in_ip inet,
  time_zone varchar,
  approved boolean NOT NULL DEFAULT true,
  role_id bigint REFERENCES roles ON DELETE SET NULL,
  invite_id bigint REFERENCES invites ON DELETE SET NULL,
  created_at timestamp NOT NULL,
  confirmed_at timestamp
);
ALTER TABLE invites ADD CONSTRAINT invites_user FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;
CREATE UNIQUE INDEX users_reset_token ON users (reset_token text_pattern_ops) WHERE reset_token IS NOT NULL;
CREATE INDEX users_unapproved ON users (created_at) WHERE approved = false;

CREATE TABLE sessions (
  id bigserial PRIMARY KEY,
  session_id varchar NOT NULL UNIQUE,
  user_id bigint NOT NULL REFERENCES users ON DELETE CASCADE,
  user_agent varchar NOT NULL DEFAULT '',
  ip inet,
  created_at timestamp NOT NULL
);

CREATE TABLE conversations (id bigserial PRIMARY KEY, uri varchar UNIQUE, created_at timestamp NOT NULL, updated_at timestamp NOT NULL);

CREATE TABLE applications (
  id bigserial PRIMARY KEY,
  name varchar NOT NULL,
  uid varchar NOT NULL UNIQUE,
  secret varchar NOT NULL,
  redirect_uri text NOT NULL,
  scopes varchar NOT NULL DEFAULT '',
  owner_type varchar,
  owner_id bigint
);
CREATE INDEX applications_owner ON applications (owner_id, owner_type);

CREATE TABLE posts (
  id bigint PRIMARY KEY DEFAULT next_snowflake('posts_id_seq'),
  uri varchar,
  body text NOT NULL DEFAULT '',
  reply_to_id bigint REFERENCES posts ON DELETE SET NULL,
  boost_of_id bigint REFERENCES posts ON DELETE CASCADE,
  account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
  conversation_id bigint REFERENCES conversations,
  application_id bigint REFERENCES applications ON DELETE SET NULL,
  poll_id bigint,
  sensitive boolean NOT NULL DEFAULT false,
  visibility integer NOT NULL DEFAULT 0,
  spoiler text NOT NULL DEFAULT '',
  is_reply boolean NOT NULL DEFAULT false,
  language varchar,
  media_order bigint[],
  deleted_at timestamp,
  created_at timestamp NOT NULL,
  updated_at timestamp NOT NULL
);
CREATE UNIQUE INDEX posts_uri ON posts (uri text_pattern_ops) WHERE uri IS NOT NULL;
CREATE INDEX posts_timeline ON posts (account_id, id DESC, visibility, updated_at) WHERE deleted_at IS NULL;
CREATE INDEX posts_public ON posts (id DESC, account_id)
  WHERE deleted_at IS NULL AND visibility = 0 AND boost_of_id IS NULL AND (NOT is_reply OR reply_to_id IS NULL);
CREATE INDEX posts_reply ON posts (reply_to_id) WHERE reply_to_id IS NOT NULL;
ALTER SEQUENCE posts_id_seq OWNED BY posts.id;

CREATE TABLE polls (
  id bigserial PRIMARY KEY,
  account_id bigint REFERENCES accounts ON DELETE CASCADE,
  post_id bigint REFERENCES posts ON DELETE CASCADE,
  options varchar[] NOT NULL DEFAULT '{}',
  tallies bigint[] NOT NULL DEFAULT '{}',
  multiple boolean NOT NULL DEFAULT false,
  expires_at timestamp,
  lock_version integer NOT NULL DEFAULT 0
);
ALTER TABLE posts ADD CONSTRAINT posts_poll FOREIGN KEY (poll_id) REFERENCES polls ON DELETE SET NULL DEFERRABLE;

CREATE TABLE poll_votes (
  id bigserial PRIMARY KEY,
  account_id bigint REFERENCES accounts ON DELETE CASCADE,
  poll_id bigint REFERENCES polls ON DELETE CASCADE,
  choice integer NOT NULL DEFAULT 0,
  UNIQUE (account_id, poll_id, choice)
);

CREATE TABLE media (
  id bigint PRIMARY KEY DEFAULT next_snowflake('media_id_seq'),
  post_id bigint REFERENCES posts ON DELETE SET NULL,
  account_id bigint REFERENCES accounts ON DELETE SET NULL,
  file_name varchar,
  file_size integer,
  remote_url varchar NOT NULL DEFAULT '',
  kind integer NOT NULL DEFAULT 0,
  meta json,
  description text,
  blurhash varchar,
  thumbnail bytea,
  created_at timestamp NOT NULL
);
CREATE UNIQUE INDEX media_shortcode ON media (blurhash text_pattern_ops) WHERE blurhash IS NOT NULL;

CREATE TABLE tags (
  id bigserial PRIMARY KEY,
  name varchar NOT NULL DEFAULT '',
  display_name varchar,
  usable boolean,
  max_score double precision,
  max_score_at timestamp
);
CREATE UNIQUE INDEX tags_name_lower ON tags (lower(name) text_pattern_ops);

CREATE TABLE posts_tags (post_id bigint NOT NULL, tag_id bigint NOT NULL, PRIMARY KEY (tag_id, post_id));
CREATE INDEX posts_tags_post ON posts_tags (post_id);
CREATE TABLE accounts_groups (account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE, group_name varchar(40) NOT NULL);
CREATE INDEX accounts_groups_account ON accounts_groups (account_id);

CREATE TABLE follows (
  id bigserial PRIMARY KEY,
  account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
  target_account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
  show_boosts boolean NOT NULL DEFAULT true,
  uri varchar,
  languages varchar[],
  created_at timestamp NOT NULL,
  UNIQUE (account_id, target_account_id),
  CONSTRAINT not_oneself CHECK (account_id <> target_account_id)
);

CREATE TABLE blocks (
  id bigserial PRIMARY KEY,
  account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
  target_account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
  uri varchar,
  UNIQUE (account_id, target_account_id)
);

CREATE TABLE mentions (
  id bigserial PRIMARY KEY,
  post_id bigint NOT NULL REFERENCES posts ON DELETE CASCADE,
  account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
  silent boolean NOT NULL DEFAULT false,
  UNIQUE (account_id, post_id)
);

CREATE TABLE account_conversations (
  id bigserial PRIMARY KEY,
  account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
  conversation_id bigint NOT NULL REFERENCES conversations ON DELETE CASCADE,
  participants bigint[] NOT NULL DEFAULT '{}',
  post_ids bigint[] NOT NULL DEFAULT '{}',
  unread boolean NOT NULL DEFAULT false
);
CREATE UNIQUE INDEX account_conversations_of ON account_conversations (account_id, conversation_id, participants);

CREATE TABLE notifications (
  id bigserial PRIMARY KEY,
  activity_id bigint NOT NULL,
  activity_type varchar NOT NULL,
  account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
  from_account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
  kind varchar,
  filtered boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL
);
CREATE INDEX notifications_activity ON notifications (activity_id, activity_type);
CREATE INDEX notifications_filtered ON notifications (account_id, id DESC) WHERE filtered IS FALSE;

CREATE TABLE domain_blocks (
  id bigserial PRIMARY KEY,
  domain varchar NOT NULL DEFAULT '' UNIQUE,
  severity integer DEFAULT 0,
  reject_media boolean NOT NULL DEFAULT false,
  private_comment text
);
CREATE TABLE ip_blocks (
  id bigserial PRIMARY KEY,
  ip inet NOT NULL DEFAULT '0.0.0.0' UNIQUE,
  severity integer NOT NULL DEFAULT 0,
  expires_at timestamp,
  comment text NOT NULL DEFAULT ''
);
CREATE TABLE settings (id bigserial PRIMARY KEY, var varchar NOT NULL UNIQUE, value text, thing_type varchar, thing_id bigint);
CREATE TABLE reports (
  id bigserial PRIMARY KEY,
  account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
  target_account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
  assigned_account_id bigint REFERENCES accounts ON DELETE SET NULL,
  post_ids bigint[] NOT NULL DEFAULT '{}',
  rule_ids bigint[],
  category integer NOT NULL DEFAULT 0,
  comment text NOT NULL DEFAULT '',
  forwarded boolean
);
CREATE TABLE audit_log (
  id bigserial PRIMARY KEY,
  account_id bigint REFERENCES accounts ON DELETE CASCADE,
  action varchar NOT NULL DEFAULT '',
  target_type varchar,
  target_id bigint,
  recorded_changes text NOT NULL DEFAULT '',
  created_at timestamp NOT NULL
);
CREATE TABLE scheduled_posts (id bigserial PRIMARY KEY, account_id bigint REFERENCES accounts ON DELETE CASCADE, scheduled_at timestamp, params jsonb);
CREATE TABLE custom_emojis (
  id bigserial PRIMARY KEY,
  shortcode varchar NOT NULL DEFAULT '',
  domain varchar,
  image bytea,
  disabled boolean NOT NULL DEFAULT false,
  UNIQUE (shortcode, domain)
);
CREATE TABLE schema_migrations (version varchar NOT NULL PRIMARY KEY);
CREATE TABLE internal_metadata (key varchar NOT NULL PRIMARY KEY, value varchar, created_at timestamp(6) NOT NULL);

CREATE MATERIALIZED VIEW follow_suggestions AS
  SELECT f.target_account_id AS account_id, count(*) AS rank FROM follows f GROUP BY 1 HAVING count(*) >= 2;
CREATE UNIQUE INDEX follow_suggestions_account ON follow_suggestions (account_id);
CREATE VIEW local_users AS SELECT u.id, a.handle FROM users u JOIN accounts a ON a.id = u.account_id WHERE a.host IS NULL;
COMMENT ON TABLE accounts IS 'Accounts of this server and of others';
COMMENT ON COLUMN posts.visibility IS '0 public, 1 unlisted, 2 followers, 3 direct';

INSERT INTO accounts (id, handle, host, title, about, profile_fields, aliases, cited_domains, moved_to_id, avatar_at, created_at, updated_at) VALUES
  (1, 'admin', NULL, '', '', '[]', NULL, '{}', NULL, NULL, '2016-02-29 23:59:59.999999', '2016-03-01'),
  (-9223372036854775808, 'Ünïcode', 'bücher.example', '𝒜 👩‍👩‍👧', E'a\tb\r\nc\\', '[{"name": "ß", "value": null, "n": 1e400}]',
   ARRAY['a,b', 'say "x"', '', NULL, '\'], ARRAY['NULL'], 1, '0001-01-01', '0001-01-01', '9999-12-31 23:59:59.999999'),
  (9223372036854775807, 'ünïcode', NULL, 'x', '', '{"a": {"b": [true, false, null, "\u0041"]}}', '{}', NULL, -9223372036854775808, NULL,
   '1969-12-31 23:59:59.999999', '1970-01-01');
INSERT INTO accounts (id, handle, host, profile_url, created_at, updated_at, discoverable)
  SELECT 109000000000000000 + n * 65536, 'user_' || n, CASE WHEN n % 3 > 0 THEN 'host' || n % 7 || '.example' END,
    CASE WHEN n % 5 > 0 THEN 'https://host' || n % 7 || '.example/@user_' || n END, timestamp '2020-01-01' + n * interval '7 minutes 1.5 seconds',
    '2024-02-29', CASE n % 3 WHEN 0 THEN true WHEN 1 THEN false END
  FROM generate_series(1, 500) n;
INSERT INTO account_stats (account_id, posts, last_post_at) SELECT id, abs(id % 1000), CASE WHEN id > 5 THEN created_at END FROM accounts;
INSERT INTO roles (id, name, permissions, place) VALUES (-99, '', 65536, -1), (1, 'Moderator', 9223372036854775807, 10), (3, 'Owner', 1, 1000);
BEGIN;
INSERT INTO invites (user_id, code, max_uses, expires_at) VALUES (1, 'aB3', NULL, NULL), (2, 'ab3', 5, '2038-01-19 03:14:08');
INSERT INTO users (account_id, email, languages, otp_backup_codes, settings, last_sign_in_ip, role_id, invite_id, created_at, approved) VALUES
  (1, 'admin@example.org', NULL, NULL, NULL, '::1', 3, NULL, '2016-03-01', true),
  (9223372036854775807, 'Ünï@example.org', '{de,"pt-BR"}', '{"$2a$10$abc"}', '{"web.theme":"dark"}', '192.168.0.1/24', NULL, 1, '2017-04-01', false);
COMMIT;
INSERT INTO sessions (session_id, user_id, ip, created_at) SELECT md5(n::text), n % 2 + 1, ('10.0.0.' || n)::inet, '2024-01-01' FROM generate_series(1, 40) n;
INSERT INTO conversations (uri, created_at, updated_at) SELECT nullif('tag:' || n, 'tag:7'), '2024-01-01', '2024-01-02' FROM generate_series(1, 50) n;
INSERT INTO applications (name, uid, secret, redirect_uri, scopes) VALUES ('Web', 'uid', 'secret', 'urn:ietf:wg:oauth:2.0:oob', 'read write'), ('', ' ', '', '', '');
INSERT INTO posts (id, uri, body, reply_to_id, account_id, conversation_id, visibility, is_reply, language, media_order, deleted_at, created_at, updated_at)
  SELECT 111000000000000000 + n, CASE WHEN n % 4 > 0 THEN 'https://host.example/posts/' || n END,
    CASE WHEN n % 11 = 0 THEN '' ELSE repeat('Grüße 👋 ', n % 40) || n END, CASE WHEN n % 6 = 0 THEN 111000000000000000 + n - 1 END,
    109000000000000000 + (n % 500 + 1) * 65536, n % 50 + 1, n % 4, n % 6 = 0, (ARRAY['en', 'de', NULL])[n % 3 + 1],
    CASE WHEN n % 10 = 0 THEN ARRAY[n, NULL, -n]::bigint[] END, CASE WHEN n % 50 = 0 THEN timestamp '2024-06-01' END,
    timestamp '2023-10-29 00:00:00' + n * interval '97 seconds 123456 microseconds', timestamp '2023-10-29' + n * interval '1 hour'
  FROM generate_series(1, 3000) n;
INSERT INTO polls (account_id, post_id, options, tallies, expires_at) VALUES
  (1, 111000000000000001, '{yes,no,"it''s, complicated"}', '{1,0,9223372036854775807}', 'infinity'), (NULL, NULL, '{}', '{}', NULL);
UPDATE posts SET poll_id = 1 WHERE id = 111000000000000001;
INSERT INTO poll_votes (account_id, poll_id, choice) VALUES (1, 1, 0), (1, 1, 1), (NULL, 1, 1), (NULL, 1, 1);
INSERT INTO media (id, post_id, account_id, file_name, file_size, meta, description, blurhash, thumbnail, created_at) VALUES
  (1, 111000000000000010, 1, 'ä.png', 2147483647, '{"b":1,  "a":1, "a":2}', '', 'LEHV6nWB2yk8', '\x00ff0a0d5c27', '2024-01-01'),
  (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '\x', '2024-01-01');
INSERT INTO tags (name, display_name, usable, max_score) VALUES
  ('straße', 'Straße', NULL, 'NaN'), ('STRASSE', NULL, true, '-Infinity'), ('日本', '日本', false, 1e-320), ('x', '', true, 0.1);
INSERT INTO posts_tags SELECT 111000000000000000 + n, n % 4 + 1 FROM generate_series(1, 2000) n;
INSERT INTO accounts_groups SELECT 1, 'admins' FROM generate_series(1, 2);
INSERT INTO accounts_groups SELECT 109000000000000000 + n * 65536, CASE WHEN n % 2 = 0 THEN '' ELSE 'readers' END FROM generate_series(1, 60) n;
INSERT INTO follows (account_id, target_account_id, languages, created_at)
  SELECT 109000000000000000 + n * 65536, 109000000000000000 + (n % 500 + 1) * 65536, CASE WHEN n % 9 = 0 THEN ARRAY['en'] END, '2024-01-01'
  FROM generate_series(1, 500) n;
INSERT INTO blocks (account_id, target_account_id) VALUES (1, 9223372036854775807), (9223372036854775807, 1);
INSERT INTO mentions (post_id, account_id, silent) SELECT 111000000000000000 + n, 1, n % 2 = 0 FROM generate_series(1, 100) n;
INSERT INTO account_conversations (account_id, conversation_id, participants, post_ids) VALUES (1, 1, '{}', '{1,2,3}'), (1, 1, '{9}', '{}');
INSERT INTO notifications (activity_id, activity_type, account_id, from_account_id, kind, created_at)
  SELECT n, (ARRAY['Follow', 'Mention', 'Poll'])[n % 3 + 1], 1, 9223372036854775807, NULL, timestamptz '2024-03-31 00:59:59+00' + n * interval '1 s'
  FROM generate_series(1, 300) n;
INSERT INTO domain_blocks (domain, severity, private_comment) VALUES ('spam.example', 1, NULL), ('xn--bcher-kva.example', NULL, '');
INSERT INTO ip_blocks (ip, comment) VALUES ('2001:db8::/32', ''), ('10.1.2.3', 'one'), ('10.1.2.3/8', 'net');
INSERT INTO settings (var, value) VALUES ('title', E'--- "Wir"\n'), ('empty', ''), ('none', NULL);
INSERT INTO reports (account_id, target_account_id, post_ids, rule_ids, comment) VALUES (1, 9223372036854775807, '{111000000000000001}', NULL, 'x');
INSERT INTO audit_log (account_id, action, target_type, target_id, created_at) VALUES (1, 'silence', 'Account', 9223372036854775807, '2024-01-01');
INSERT INTO scheduled_posts (account_id, scheduled_at, params) VALUES (1, '2099-12-31', '{"text": "später", "n": 12345678901234567890}'), (NULL, '-infinity', NULL);
INSERT INTO custom_emojis (shortcode, domain, image) VALUES ('blob', NULL, '\xdeadbeef'), ('blob', NULL, NULL), ('blob', 'a.example', '\x');
INSERT INTO schema_migrations SELECT to_char(timestamp '2016-02-20' + n * interval '1 day', 'YYYYMMDDHH24MISS') FROM generate_series(1, 200) n;
INSERT INTO internal_metadata VALUES ('environment', 'production', '2016-02-20 00:00:00.000001');
REFRESH MATERIALIZED VIEW follow_suggestions;
