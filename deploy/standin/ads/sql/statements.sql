
-- name: code_insert
INSERT INTO codes (hash, redirect_uri, scopes, offline, expires_ms) VALUES (?, ?, ?, ?, ?);

-- name: code_find
SELECT redirect_uri, scopes, offline FROM codes WHERE hash = ? AND used = 0 AND expires_ms > ?;

-- name: code_use
UPDATE codes SET used = 1 WHERE hash = ?;

-- name: code_use_all
UPDATE codes SET used = 1 WHERE used = 0;

-- name: token_insert
INSERT INTO tokens (hash, kind, family, scopes, expires_ms) VALUES (?, ?, ?, ?, ?);

-- name: token_find
SELECT kind, family, scopes, expires_ms FROM tokens WHERE hash = ? AND revoked_ms = 0;

-- name: token_refresh_lives
SELECT 1 FROM tokens WHERE kind = 'refresh' AND revoked_ms = 0 AND expires_ms > ? LIMIT 1;

-- name: token_revoke_family
UPDATE tokens SET revoked_ms = ? WHERE family = ? AND revoked_ms = 0;

-- name: token_revoke_all
UPDATE tokens SET revoked_ms = ? WHERE revoked_ms = 0;

-- name: token_expire_access
UPDATE tokens SET expires_ms = ? WHERE kind = 'access' AND revoked_ms = 0;

-- name: conversion_insert
INSERT INTO conversions (at_ms, place, id, why, doc) VALUES (?, ?, ?, ?, ?);

-- name: conversion_counts
SELECT 1 FROM conversions WHERE place = ? AND id = ? AND why = '' AND at_ms > ? LIMIT 1;

-- name: conversion_list
SELECT seq, at_ms, place, id, why, doc FROM conversions WHERE seq > ? ORDER BY seq LIMIT ?;

