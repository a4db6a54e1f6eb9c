-- Authorization codes and tokens, by SHA-256 only. family is what a refresh token and its access tokens share.
CREATE TABLE IF NOT EXISTS codes (
  hash         TEXT PRIMARY KEY,
  redirect_uri TEXT NOT NULL,
  scopes       TEXT NOT NULL,
  offline      INTEGER NOT NULL,
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

-- Conversions that came: place is where they count, id what the platform knows them by ('' when by nothing),
-- why the reason for which one does not count ('' when it counts).
CREATE TABLE IF NOT EXISTS conversions (
  seq   INTEGER PRIMARY KEY AUTOINCREMENT,
  at_ms INTEGER NOT NULL,
  place TEXT NOT NULL,
  id    TEXT NOT NULL,
  why   TEXT NOT NULL,
  doc   TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS conversions_id ON conversions (place, id);
