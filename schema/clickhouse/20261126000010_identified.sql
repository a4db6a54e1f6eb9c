-- +goose Up
ALTER TABLE conversions ADD COLUMN IF NOT EXISTS identified_at DateTime64(3, 'UTC') COMMENT 'when its contact was first identified' CODEC(Delta, ZSTD(1)) AFTER contact;

-- +goose Down
ALTER TABLE conversions DROP COLUMN IF EXISTS identified_at;
