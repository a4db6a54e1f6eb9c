-- +goose Up
ALTER TABLE claims ADD COLUMN IF NOT EXISTS received DateTime64(3, 'UTC') COMMENT 'when it last arrived; an erasure concerns what arrived by its time';
ALTER TABLE conversion_facts ADD COLUMN IF NOT EXISTS received DateTime64(3, 'UTC') COMMENT 'when it last arrived; an erasure concerns what arrived by its time';

-- +goose Down
ALTER TABLE conversion_facts DROP COLUMN IF EXISTS received;
ALTER TABLE claims DROP COLUMN IF EXISTS received;
