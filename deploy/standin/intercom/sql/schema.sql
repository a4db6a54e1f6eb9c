-- What the stand-in keeps beside the ledger. Documents are JSON; the columns beside them are what is looked up.

-- Authorization codes and access tokens, by SHA-256 only.
CREATE TABLE IF NOT EXISTS codes (
  hash         TEXT PRIMARY KEY,
  redirect_uri TEXT NOT NULL,
  expires_ms   INTEGER NOT NULL,
  used         INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE IF NOT EXISTS tokens (
  hash       TEXT PRIMARY KEY,
  created_ms INTEGER NOT NULL,
  revoked_ms INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE IF NOT EXISTS attributes (
  id    INTEGER PRIMARY KEY AUTOINCREMENT,
  model TEXT NOT NULL,
  name  TEXT NOT NULL,
  doc   TEXT NOT NULL,
  UNIQUE (model, name)
) STRICT;

CREATE TABLE IF NOT EXISTS contacts (
  seq         INTEGER PRIMARY KEY AUTOINCREMENT,
  id          TEXT NOT NULL UNIQUE,
  external_id TEXT,
  email       TEXT,
  doc         TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS contacts_email ON contacts (email);
CREATE INDEX IF NOT EXISTS contacts_external ON contacts (external_id);

-- Anonymous browsers the Messenger has met, and the contact each became.
CREATE TABLE IF NOT EXISTS visitors (
  id         TEXT PRIMARY KEY,
  contact_id TEXT NOT NULL DEFAULT '',
  doc        TEXT NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS conversations (
  seq        INTEGER PRIMARY KEY AUTOINCREMENT,
  id         TEXT NOT NULL UNIQUE,
  contact_id TEXT NOT NULL,
  doc        TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS conversations_contact ON conversations (contact_id);

-- Notifications of one happening share a batch and are sent in order of seq.
CREATE TABLE IF NOT EXISTS webhooks (
  seq        INTEGER PRIMARY KEY AUTOINCREMENT,
  id         TEXT NOT NULL UNIQUE,
  batch      TEXT NOT NULL,
  topic      TEXT NOT NULL,
  item       TEXT NOT NULL,
  state      TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'failed', 'dropped')),
  attempts   INTEGER NOT NULL DEFAULT 0,
  created_ms INTEGER NOT NULL,
  first_ms   INTEGER NOT NULL DEFAULT 0,
  due_ms     INTEGER NOT NULL,
  outcome    TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX IF NOT EXISTS webhooks_due ON webhooks (due_ms) WHERE state = 'pending';
CREATE INDEX IF NOT EXISTS webhooks_batch ON webhooks (batch);
