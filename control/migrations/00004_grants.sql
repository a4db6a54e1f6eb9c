-- Access tokens that end: when, and who is getting a new one.

-- +goose Up
ALTER TABLE tokens ADD COLUMN expires BIGINT NOT NULL DEFAULT 0;
ALTER TABLE tokens ADD COLUMN lease BYTEA NOT NULL DEFAULT '';
ALTER TABLE tokens ADD COLUMN leased_until BIGINT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE tokens DROP COLUMN leased_until;
ALTER TABLE tokens DROP COLUMN lease;
ALTER TABLE tokens DROP COLUMN expires;
