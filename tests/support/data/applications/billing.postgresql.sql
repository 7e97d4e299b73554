-- Subscriptions billed by usage, as applications of that kind (Lago) keep theirs: uuid keys, enums and domains, exact amounts, a
-- partitioned table of events, exclusion constraints, deferrable keys, generated columns, soft deletion, references that name a table.
CREATE EXTENSION citext;
CREATE EXTENSION btree_gist;
CREATE EXTENSION btree_gin;
CREATE EXTENSION ltree;

CREATE TYPE tax_status AS ENUM ('pending', 'succeeded', 'failed');
CREATE TYPE charge_model AS ENUM ('standard', 'graduated', 'per package', 'Percentage');
CREATE TYPE rounding AS ENUM ('round', 'ceil', 'floor');
CREATE DOMAIN currency AS char(3) CHECK (VALUE ~ '^[A-Z]{3}$');
CREATE DOMAIN cents AS bigint NOT NULL DEFAULT 0;

CREATE TABLE organizations (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  name varchar NOT NULL,
  api_key varchar UNIQUE,
  webhook_urls text[] DEFAULT '{}' CHECK (cardinality(webhook_urls) <= 5),
  vat_rate double precision NOT NULL DEFAULT 0.0,
  default_currency currency NOT NULL DEFAULT 'USD',
  timezone varchar NOT NULL DEFAULT 'UTC',
  feature_flags varchar[] NOT NULL DEFAULT '{}',
  settings jsonb NOT NULL DEFAULT '{}',
  created_at timestamp(6) NOT NULL DEFAULT now(),
  updated_at timestamp(6) NOT NULL DEFAULT CURRENT_TIMESTAMP
);

CREATE TABLE users (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  email citext NOT NULL UNIQUE,
  password_digest varchar,
  locale varchar(5) COLLATE "C"
);

CREATE TABLE memberships (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  organization_id uuid NOT NULL REFERENCES organizations,
  user_id uuid NOT NULL REFERENCES users,
  role smallint NOT NULL DEFAULT 0,
  revoked_at timestamp(6)
);
CREATE UNIQUE INDEX memberships_active ON memberships (user_id, organization_id) WHERE revoked_at IS NULL;

CREATE TABLE customers (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  organization_id uuid NOT NULL REFERENCES organizations,
  parent_id uuid REFERENCES customers DEFERRABLE INITIALLY DEFERRED,
  external_id varchar NOT NULL,
  name varchar,
  slug varchar GENERATED ALWAYS AS (lower(external_id)) STORED,
  sequential_id bigint,
  currency currency,
  email citext,
  address_line1 varchar, city varchar, zipcode varchar, country varchar(2),
  net_payment_term integer,
  metadata jsonb,
  paths ltree,
  last_invoice_id uuid,
  deleted_at timestamp(6),
  created_at timestamp(6) NOT NULL,
  CONSTRAINT terms_positive CHECK (net_payment_term >= 0)
);
CREATE UNIQUE INDEX customers_external ON customers (external_id, organization_id) WHERE deleted_at IS NULL;
CREATE INDEX customers_metadata ON customers USING gin (metadata jsonb_path_ops);
CREATE INDEX customers_name ON customers USING gin (organization_id, name);
CREATE INDEX customers_paths ON customers USING gist (paths);
CREATE INDEX customers_email ON customers (lower(email::text));
COMMENT ON TABLE customers IS 'Who pays; ''external_id'' is the organization''s own';

CREATE TABLE billable_metrics (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  organization_id uuid NOT NULL REFERENCES organizations,
  code varchar NOT NULL,
  aggregation smallint NOT NULL,
  rounding_function rounding,
  rounding_precision integer,
  recurring boolean NOT NULL DEFAULT false,
  properties jsonb DEFAULT '{}',
  deleted_at timestamp(6)
);
CREATE UNIQUE INDEX metrics_code ON billable_metrics (organization_id, code) INCLUDE (aggregation) WHERE deleted_at IS NULL;

CREATE TABLE plans (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  organization_id uuid NOT NULL REFERENCES organizations,
  parent_id uuid REFERENCES plans,
  code varchar NOT NULL,
  name varchar NOT NULL,
  amount_cents bigint NOT NULL DEFAULT 0,
  amount_currency currency NOT NULL,
  trial_period double precision,
  billing_interval interval NOT NULL DEFAULT '1 mon',
  pay_in_advance boolean NOT NULL DEFAULT false,
  UNIQUE (organization_id, code) DEFERRABLE
);

CREATE TABLE charges (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  plan_id uuid NOT NULL REFERENCES plans ON DELETE CASCADE,
  billable_metric_id uuid REFERENCES billable_metrics ON UPDATE CASCADE ON DELETE RESTRICT,
  model charge_model NOT NULL DEFAULT 'standard',
  properties jsonb NOT NULL DEFAULT '{}',
  min_amount_cents bigint NOT NULL DEFAULT 0,
  prorated boolean NOT NULL DEFAULT false,
  CHECK (model <> 'graduated' OR properties ? 'ranges')
);
CREATE TABLE charge_filters (id uuid PRIMARY KEY, charge_id uuid NOT NULL REFERENCES charges, properties jsonb NOT NULL, invoice_display_name varchar);
CREATE TABLE charge_filter_values (
  charge_filter_id uuid NOT NULL REFERENCES charge_filters ON DELETE CASCADE,
  position smallint NOT NULL,
  "values" varchar[] NOT NULL DEFAULT '{}',
  PRIMARY KEY (charge_filter_id, position)
);
CREATE INDEX charge_filter_values_of ON charge_filter_values USING gin ("values");

CREATE TABLE subscriptions (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  customer_id uuid NOT NULL REFERENCES customers,
  plan_id uuid NOT NULL REFERENCES plans,
  previous_id uuid REFERENCES subscriptions,
  external_id varchar NOT NULL,
  status smallint NOT NULL DEFAULT 0,
  active_during tsrange NOT NULL,
  started_at timestamp, terminated_at timestamp, trial_ended_at timestamptz,
  CONSTRAINT one_at_a_time EXCLUDE USING gist (external_id WITH =, active_during WITH &&) WHERE (status = 1)
);

CREATE TABLE events (
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  organization_id uuid NOT NULL,
  transaction_id varchar NOT NULL,
  external_subscription_id varchar NOT NULL,
  code varchar NOT NULL,
  happened_at timestamp NOT NULL,
  properties jsonb NOT NULL DEFAULT '{}',
  amount numeric(40, 15),
  PRIMARY KEY (id, happened_at)
) PARTITION BY RANGE (happened_at);
CREATE TABLE events_2024_01 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2024-02-01');
CREATE TABLE events_2024_02 PARTITION OF events FOR VALUES FROM ('2024-02-01') TO ('2024-03-01');
CREATE TABLE events_default PARTITION OF events DEFAULT;
CREATE INDEX events_subscription ON events (external_subscription_id, code, happened_at DESC);
CREATE INDEX events_brin ON events USING brin (happened_at);

CREATE TABLE invoices (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  organization_id uuid NOT NULL REFERENCES organizations,
  customer_id uuid NOT NULL REFERENCES customers,
  number varchar NOT NULL DEFAULT '',
  sequential_id integer,
  issuing_date date,
  due_date date CHECK (due_date >= issuing_date),
  currency currency NOT NULL,
  fees_amount_cents cents,
  taxes_amount_cents cents,
  total_amount_cents bigint GENERATED ALWAYS AS (fees_amount_cents::bigint + taxes_amount_cents::bigint) STORED,
  taxes tax_status DEFAULT 'pending',
  file bytea,
  search tsvector GENERATED ALWAYS AS (to_tsvector('simple', number)) STORED,
  voided_at timestamptz
);
CREATE UNIQUE INDEX invoices_number ON invoices (organization_id, number) WHERE number <> '';
CREATE INDEX invoices_sequence ON invoices (organization_id, sequential_id DESC NULLS LAST) INCLUDE (currency);
CREATE INDEX invoices_search ON invoices USING gin (search);
ALTER TABLE customers ADD FOREIGN KEY (last_invoice_id) REFERENCES invoices DEFERRABLE INITIALLY DEFERRED;

CREATE TABLE fees (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  invoice_id uuid REFERENCES invoices ON DELETE CASCADE,
  charge_id uuid REFERENCES charges,
  subscription_id uuid REFERENCES subscriptions,
  invoiceable_type varchar, invoiceable_id uuid,
  units numeric NOT NULL DEFAULT 0.0,
  amount_cents bigint NOT NULL CHECK (amount_cents >= 0),
  precise_amount numeric(40, 15) NOT NULL DEFAULT 0.0,
  taxes_rate double precision NOT NULL DEFAULT 0,
  grouped_by jsonb NOT NULL DEFAULT '{}',
  properties jsonb
);
CREATE INDEX fees_invoiceable ON fees (invoiceable_type, invoiceable_id);
CREATE TABLE taxes (id uuid PRIMARY KEY, code varchar NOT NULL, rate real NOT NULL DEFAULT 0, auto boolean NOT NULL DEFAULT true);
CREATE TABLE fees_taxes (fee_id uuid NOT NULL REFERENCES fees ON DELETE CASCADE, tax_id uuid NOT NULL REFERENCES taxes, amount_cents bigint NOT NULL,
  PRIMARY KEY (fee_id, tax_id));
CREATE TABLE customers_taxes (customer_id uuid NOT NULL REFERENCES customers, tax_id uuid NOT NULL REFERENCES taxes);

CREATE TABLE wallets (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  customer_id uuid NOT NULL REFERENCES customers,
  code varchar,
  balance_cents cents,
  credits numeric(30, 5) NOT NULL DEFAULT 0.0,
  rate_amount numeric(30, 5) NOT NULL DEFAULT 0.0,
  expiration_at timestamp,
  lock_version integer NOT NULL DEFAULT 0
);
CREATE TABLE wallet_transactions (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  number bigint GENERATED ALWAYS AS IDENTITY (START WITH 1000 INCREMENT BY 10) UNIQUE,
  wallet_id uuid NOT NULL REFERENCES wallets,
  amount numeric(30, 5) NOT NULL,
  settled_at timestamp,
  source smallint NOT NULL DEFAULT 0
);
CREATE TABLE coupons (
  id uuid PRIMARY KEY, organization_id uuid NOT NULL REFERENCES organizations, code citext, percentage_rate numeric(10, 5), amount_cents bigint,
  CONSTRAINT amount_or_rate CHECK ((percentage_rate IS NULL) <> (amount_cents IS NULL))
);
CREATE TABLE applied_coupons (id uuid PRIMARY KEY, coupon_id uuid NOT NULL REFERENCES coupons, customer_id uuid NOT NULL REFERENCES customers, terminated_at timestamp);
CREATE TABLE credit_notes (
  id uuid PRIMARY KEY, invoice_id uuid NOT NULL REFERENCES invoices, reason smallint NOT NULL, description text, issued time, issued_tz timetz);
CREATE TABLE payments (
  id uuid PRIMARY KEY, payable_type varchar NOT NULL DEFAULT 'Invoice', payable_id uuid, provider_id varchar,
  amount money, amount_cents bigint NOT NULL, provider_answer jsonb, created_at timestamptz NOT NULL);
CREATE UNIQUE INDEX payments_provider ON payments (provider_id) NULLS NOT DISTINCT;
CREATE TABLE error_details (id uuid PRIMARY KEY, owner_type varchar NOT NULL, owner_id uuid NOT NULL, details jsonb NOT NULL DEFAULT '{}', error_code integer NOT NULL);
CREATE TABLE item_metadata (
  id uuid PRIMARY KEY, owner_type varchar NOT NULL, owner_id uuid NOT NULL, value jsonb NOT NULL CONSTRAINT is_object CHECK (jsonb_typeof(value) = 'object'));
CREATE TABLE entitlements (
  id uuid PRIMARY KEY, plan_id uuid REFERENCES plans, subscription_id uuid REFERENCES subscriptions,
  CONSTRAINT one_parent CHECK ((plan_id IS NOT NULL) <> (subscription_id IS NOT NULL)));
CREATE TABLE webhooks (
  id bigserial PRIMARY KEY, organization_id uuid NOT NULL, payload json, response xml, http_status smallint, retried_from macaddr, mask bit(8), flags varbit(16));
ALTER TABLE webhooks ADD CONSTRAINT webhooks_organization FOREIGN KEY (organization_id) REFERENCES organizations NOT VALID;
CREATE TABLE daily_usages (
  customer_id uuid NOT NULL, usage_date date NOT NULL, usage jsonb NOT NULL, hours int4range, PRIMARY KEY (customer_id, usage_date));
CREATE UNLOGGED TABLE usage_cache (key text NOT NULL, value jsonb);

CREATE VIEW exports_customers AS SELECT id AS customer_id, name, email FROM customers WHERE deleted_at IS NULL;
CREATE VIEW exports_invoices AS SELECT i.id, i.number, i.total_amount_cents, c.name FROM invoices i JOIN customers c ON c.id = i.customer_id;
CREATE FUNCTION forbid_reopening() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'voided'; END $$;
CREATE TRIGGER invoices_voided BEFORE UPDATE ON invoices FOR EACH ROW WHEN (OLD.voided_at IS NOT NULL) EXECUTE FUNCTION forbid_reopening();
ALTER TABLE invoices ENABLE ROW LEVEL SECURITY;
CREATE POLICY everything ON invoices USING (true);

CREATE FUNCTION id(part text, n int DEFAULT 0) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT md5(part || n)::uuid $$;
INSERT INTO organizations (id, name, api_key, webhook_urls, vat_rate, settings, created_at) VALUES
  (id('o'), 'Ångström & Söhne', 'key', '{https://a.example/x,NULL}', 19.6, '{"emails": ["a", "b"], "deep": {"x": [1.10, 2e3]}}', '2021-12-31 23:59:59.999999'),
  ('00000000-0000-0000-0000-000000000000', '', NULL, '{}', 'Infinity', '{}', '0001-01-01'),
  ('ffffffff-ffff-ffff-ffff-ffffffffffff', ' ', '', NULL, '-0', 'null', '9999-12-31 23:59:59.999999');
INSERT INTO users (id, email, locale) VALUES (id('u'), 'Ada@Example.org', 'en'), (id('u', 1), 'straße@example.org', NULL), (id('u', 2), '', '');
INSERT INTO memberships (organization_id, user_id, role, revoked_at) VALUES (id('o'), id('u'), 32767, NULL), (id('o'), id('u'), -32768, '2024-01-01');
BEGIN;
INSERT INTO customers (id, organization_id, parent_id, external_id, name, sequential_id, currency, email, country, net_payment_term, metadata, paths, last_invoice_id, created_at)
  SELECT id('c', n), id('o'), CASE WHEN n % 7 = 0 THEN id('c', n + 1) END, 'Ext-' || n, CASE WHEN n % 5 > 0 THEN 'Kunde ' || n END, n,
    (ARRAY['EUR', 'USD', NULL])[n % 3 + 1], CASE WHEN n % 4 > 0 THEN 'Person' || n || '@Example.org' END, 'DE', n % 60,
    CASE WHEN n % 3 = 0 THEN jsonb_build_object('n', n, 'tags', jsonb_build_array('a', n)) END, ('Top.k' || n)::ltree,
    CASE WHEN n = 1 THEN id('i', 1) END, timestamp '2022-01-01' + n * interval '1 day 1.000001 seconds'
  FROM generate_series(1, 701) n;
INSERT INTO invoices (id, organization_id, customer_id, number, sequential_id, issuing_date, due_date, currency, fees_amount_cents, taxes_amount_cents, taxes, file, voided_at)
  SELECT id('i', n), id('o'), id('c', n % 700 + 1), CASE WHEN n % 10 > 0 THEN 'INV-' || lpad(n::text, 6, '0') ELSE '' END, nullif(n, 10), date '2024-01-31' + n,
    date '2024-03-31' + n, 'EUR', n * 1000, n * 190, (ARRAY['pending', 'succeeded', 'failed', NULL]::tax_status[])[n % 4 + 1],
    CASE WHEN n % 3 = 0 THEN decode(md5(n::text), 'hex') END, CASE WHEN n % 100 = 0 THEN timestamptz '2024-10-27 00:30:00+00' + n * interval '1 min' END
  FROM generate_series(1, 1500) n;
COMMIT;
INSERT INTO invoices (id, organization_id, customer_id, number, issuing_date, due_date, currency, fees_amount_cents, taxes_amount_cents) VALUES
  (id('x'), id('o'), id('c', 1), E'\u2028 "q" \\', '0001-01-01', '9999-12-31', 'XXX', 9223372036854775807, 0),
  (id('y'), id('o'), id('c', 1), 'none', NULL, NULL, 'JPY', -9223372036854775808, 0);
INSERT INTO billable_metrics (id, organization_id, code, aggregation, rounding_function) VALUES (id('m'), id('o'), 'api', 0, 'ceil'), (id('m', 1), id('o'), '', 7, NULL);
INSERT INTO plans (id, organization_id, code, name, amount_currency, billing_interval, trial_period) VALUES
  (id('p'), id('o'), 'pro', 'Pro', 'EUR', '1 mon', 30.0), (id('p', 1), id('o'), 'år', 'År', 'SEK', '1 year -1 days 00:00:00.000001', NULL);
INSERT INTO charges (id, plan_id, billable_metric_id, model, properties) VALUES (id('h'), id('p'), id('m'), 'graduated', '{"ranges": []}'), (id('h', 1), id('p'), NULL, 'per package', '{}');
INSERT INTO charge_filters VALUES (id('f'), id('h'), '{"amount": "0.000000000000001"}', NULL);
INSERT INTO charge_filter_values VALUES (id('f'), 1, '{}'), (id('f'), 2, '{"a b",NULL,"\""}');
INSERT INTO subscriptions (id, customer_id, plan_id, external_id, status, active_during, started_at, trial_ended_at) VALUES
  (id('s'), id('c', 1), id('p'), 's1', 1, '[2024-01-01,2024-02-01)', '2024-01-01', '2024-01-15 12:00+02'),
  (id('s', 1), id('c', 1), id('p'), 's1', 1, '[2024-02-01,)', NULL, NULL), (id('s', 2), id('c', 2), id('p'), 's1', 0, 'empty', 'infinity', '-infinity');
INSERT INTO events (id, organization_id, transaction_id, external_subscription_id, code, happened_at, properties, amount)
  SELECT id('e', n), id('o'), 'tx' || n, 's' || n % 9, 'api', timestamp '2023-12-20' + n * interval '41 minutes', jsonb_build_object('n', n),
    CASE WHEN n % 3 > 0 THEN n * 1.000000000000001 END FROM generate_series(1, 3000) n;
INSERT INTO fees (id, invoice_id, charge_id, subscription_id, invoiceable_type, invoiceable_id, units, amount_cents, precise_amount, taxes_rate) VALUES
  (id('g'), id('i', 1), id('h'), id('s'), 'Invoice', id('i', 1), 12345678901234567890.123456789012345678901234567890, 9223372036854775807, 9999999999999999999999999.999999999999999, 0.1),
  (id('g', 1), NULL, NULL, NULL, NULL, NULL, -0.00, 0, 0, 'NaN');
INSERT INTO taxes VALUES (id('t'), 'vat', 19.6, true), (id('t', 1), '', 'Infinity', false);
INSERT INTO fees_taxes VALUES (id('g'), id('t'), 1);
INSERT INTO customers_taxes VALUES (id('c', 1), id('t')), (id('c', 1), id('t'));
INSERT INTO wallets (id, customer_id, balance_cents, credits, expiration_at) VALUES (id('w'), id('c', 1), -1, 9999999999999999999999999.99999, '2038-01-19 03:14:08');
INSERT INTO wallet_transactions (wallet_id, amount) SELECT id('w'), n / 3.0 FROM generate_series(1, 100) n;
INSERT INTO coupons VALUES (id('k'), id('o'), 'SUMMER', 33.33333, NULL), (id('k', 1), id('o'), 'summer', NULL, 100);
INSERT INTO applied_coupons VALUES (id('a'), id('k'), id('c', 1), NULL);
INSERT INTO credit_notes VALUES (id('n'), id('i', 1), 0, '', '24:00', '23:59:59.999999+14'), (id('n', 1), id('i', 2), 1, NULL, '00:00', '00:00-12');
INSERT INTO payments VALUES (id('z'), 'Invoice', id('i', 1), 'pi_1', 12.34, 1234, '{"id": "pi_1"}', '2024-03-31 01:30+00'), (id('z', 1), 'Request', NULL, NULL, NULL, 0, NULL, '2024-01-01+00');
INSERT INTO error_details VALUES (id('d'), 'Invoice', id('i', 1), '{"e": "\\ \" \u00e9"}', -1);
INSERT INTO item_metadata VALUES (id('q'), 'CreditNote', id('n'), '{"": ""}');
INSERT INTO entitlements VALUES (id('l'), id('p'), NULL), (id('l', 1), NULL, id('s'));
INSERT INTO webhooks (organization_id, payload, response, http_status, retried_from, mask, flags) VALUES
  (id('o'), '{"b": 1, "b": 2}', '<a x="1">é</a>', 200, '08:00:2b:01:02:03', B'10101010', B'1'), (id('o'), NULL, NULL, NULL, NULL, NULL, B'');
INSERT INTO daily_usages VALUES (id('c', 1), '2024-02-29', '{}', '[0,24)'), (id('c', 1), '0001-01-01', '[]', NULL);
INSERT INTO usage_cache VALUES ('k', '1'), ('k', '1'), ('', NULL);
DROP FUNCTION id(text, int);
