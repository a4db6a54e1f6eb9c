-- What a browser knows for advertising. Rows from before know nothing.
-- +goose Up
ALTER TABLE hits MODIFY COLUMN type Enum8('unspecified' = 0, 'pageview' = 1, 'event' = 2, 'identify' = 3, 'leave' = 4, 'ads' = 5) COMMENT 'what the browser reports';
ALTER TABLE hits ADD COLUMN IF NOT EXISTS ad_consent LowCardinality(String) COMMENT 'to the use of data for advertising: granted, denied, or empty where nothing was said';
ALTER TABLE hits ADD COLUMN IF NOT EXISTS fbp String COMMENT 'Meta''s browser id, from its own cookie _fbp' CODEC(ZSTD(1));
ALTER TABLE hits ADD COLUMN IF NOT EXISTS fbc String COMMENT 'Meta''s click, from its own cookie _fbc' CODEC(ZSTD(1));
ALTER TABLE hits ADD COLUMN IF NOT EXISTS li_fat_id String COMMENT 'LinkedIn''s click, from the cookie of its Insight Tag' CODEC(ZSTD(1));
ALTER TABLE sessions ADD COLUMN IF NOT EXISTS ad_consent LowCardinality(String) COMMENT 'the last word of its hits: granted, denied, or empty where nothing was said';
ALTER TABLE sessions ADD COLUMN IF NOT EXISTS fbp String COMMENT 'Meta''s browser id as last known; empty where consent was refused' CODEC(ZSTD(1));
ALTER TABLE sessions ADD COLUMN IF NOT EXISTS fbc String COMMENT 'Meta''s click as last known, in Meta''s own form; empty where consent was refused' CODEC(ZSTD(1));
ALTER TABLE sessions ADD COLUMN IF NOT EXISTS li_fat_id String COMMENT 'LinkedIn''s click from its own cookie as last known, beside click_ids, which are from URLs; empty where consent was refused' CODEC(ZSTD(1));

-- +goose Down
ALTER TABLE sessions DROP COLUMN IF EXISTS li_fat_id;
ALTER TABLE sessions DROP COLUMN IF EXISTS fbc;
ALTER TABLE sessions DROP COLUMN IF EXISTS fbp;
ALTER TABLE sessions DROP COLUMN IF EXISTS ad_consent;
ALTER TABLE hits DROP COLUMN IF EXISTS li_fat_id;
ALTER TABLE hits DROP COLUMN IF EXISTS fbc;
ALTER TABLE hits DROP COLUMN IF EXISTS fbp;
ALTER TABLE hits DROP COLUMN IF EXISTS ad_consent;
