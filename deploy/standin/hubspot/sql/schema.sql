-- Authorization codes and tokens, by SHA-256 only. family is what a refresh token and its access tokens share.
CREATE TABLE IF NOT EXISTS codes (
  hash         TEXT PRIMARY KEY,
  redirect_uri TEXT NOT NULL,
  scopes       TEXT NOT NULL,
  expires_ms   INTEGER NOT NULL,
  used         INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE IF NOT EXISTS tokens (
  hash       TEXT PRIMARY KEY,
  kind       TEXT NOT NULL CHECK (kind IN ('access', 'refresh')),
  family     TEXT NOT NULL,
  scopes     TEXT NOT NULL,
  expires_ms INTEGER NOT NULL,
  revoked_ms INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE IF NOT EXISTS properties (
  name TEXT PRIMARY KEY,
  doc  TEXT NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS contacts (
  seq   INTEGER PRIMARY KEY AUTOINCREMENT,
  id    TEXT NOT NULL UNIQUE,
  email TEXT NOT NULL,
  doc   TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS contacts_email ON contacts (email);

-- Browsers, by their cookie hubspotutk, and the contact each became.
CREATE TABLE IF NOT EXISTS visitors (
  utk        TEXT PRIMARY KEY,
  id         TEXT NOT NULL UNIQUE,
  contact_id TEXT NOT NULL,
  doc        TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS visitors_contact ON visitors (contact_id);

-- whose is a visitor's id until there is a contact.
CREATE TABLE IF NOT EXISTS threads (
  seq   INTEGER PRIMARY KEY AUTOINCREMENT,
  id    TEXT NOT NULL UNIQUE,
  whose TEXT NOT NULL,
  doc   TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS threads_whose ON threads (whose);

-- Events of one happening share a batch.
CREATE TABLE IF NOT EXISTS events (
  seq        INTEGER PRIMARY KEY AUTOINCREMENT,
  batch      TEXT NOT NULL,
  type       TEXT NOT NULL,
  doc        TEXT NOT NULL,
  state      TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'failed', 'dropped')),
  attempts   INTEGER NOT NULL DEFAULT 0,
  created_ms INTEGER NOT NULL,
  due_ms     INTEGER NOT NULL,
  outcome    TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX IF NOT EXISTS events_due ON events (due_ms) WHERE state = 'pending';
CREATE INDEX IF NOT EXISTS events_batch ON events (batch);
