-- Not partitioned: an upload is one block and so one part, which is there whole or not at all.
-- +goose Up
CREATE TABLE IF NOT EXISTS ad_costs (
    workspace UInt32 COMMENT 'who paid',
    day Date32 COMMENT 'calendar day, as the advertising platform counts it' CODEC(Delta, ZSTD(1)),
    source LowCardinality(String) COMMENT 'in lower case, as sessions have it',
    medium LowCardinality(String) COMMENT 'in lower case; cpc where the file named none',
    campaign String COMMENT 'as given; empty for none' CODEC(ZSTD(1)),
    version UInt64 COMMENT 'microseconds since 1970 of the upload, and above every one before; the highest row stands' CODEC(Delta, ZSTD(1)),
    currency LowCardinality(String) COMMENT 'ISO 4217, that of the workspace',
    micros Int64 COMMENT 'millionths of the currency''s unit, so that sums are exact' CODEC(T64, ZSTD(1)),
    clicks UInt64 COMMENT 'as the platform counted them; 0 where the file does not say' CODEC(T64, ZSTD(1)),
    impressions UInt64 COMMENT 'likewise' CODEC(T64, ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (workspace, day, source, medium, campaign)
SETTINGS index_granularity = 1024
COMMENT 'What ads cost by day, source, medium and campaign, as people upload it. A later upload of the same four replaces the row.';

-- +goose Down
DROP TABLE IF EXISTS ad_costs;
