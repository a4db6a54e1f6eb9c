-- +goose Up
-- leaving says that the user was removed here, and that ClickHouse has not been seen to have dropped it.
ALTER TABLE bi_users ADD COLUMN leaving BIGINT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE bi_users DROP COLUMN leaving;
