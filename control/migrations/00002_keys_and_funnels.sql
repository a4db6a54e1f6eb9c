-- What tells API keys apart in a list, and one name for one funnel.

-- +goose Up
ALTER TABLE api_keys ADD COLUMN hint TEXT NOT NULL DEFAULT '';
ALTER TABLE api_keys ADD COLUMN last_used_at BIGINT NOT NULL DEFAULT 0;

CREATE UNIQUE INDEX funnels_name ON funnels (workspace, name);

-- +goose Down
DROP INDEX funnels_name;

ALTER TABLE api_keys DROP COLUMN last_used_at;
ALTER TABLE api_keys DROP COLUMN hint;
