-- +goose Up
CREATE TABLE IF NOT EXISTS sessions (
    workspace UInt32 COMMENT 'whose session it is',
    day Date32 COMMENT 'UTC day of the start' CODEC(Delta, ZSTD(1)),
    visitor String COMMENT 'the sourceloop_id' CODEC(ZSTD(1)),
    session FixedString(16) COMMENT 'id: a hash of workspace, visitor and first hit' CODEC(ZSTD(1)),
    version UInt64 COMMENT 'epoch of the writer above its counter; the highest row stands' CODEC(Delta, ZSTD(1)),
    is_deleted UInt8 COMMENT '1 where the session is derived no longer',
    started_at DateTime64(3, 'UTC') COMMENT 'first hit' CODEC(Delta, ZSTD(1)),
    ended_at DateTime64(3, 'UTC') COMMENT 'last hit' CODEC(Delta, ZSTD(1)),
    reason LowCardinality(String) COMMENT 'why it began: first_hit, timeout, attribution, midnight',
    channel LowCardinality(String) COMMENT 'a name of the default channel group, or a workspace''s own',
    source LowCardinality(String),
    medium LowCardinality(String),
    campaign LowCardinality(String),
    content LowCardinality(String),
    term LowCardinality(String),
    landing_page String COMMENT 'URL of the first page, without fragment' CODEC(ZSTD(3)),
    referrer String COMMENT 'external referrer of the first hit, or empty' CODEC(ZSTD(3)),
    rule LowCardinality(String) COMMENT 'which rule gave the channel',
    click_ids Array(String) COMMENT 'every click id seen, as gclid=…' CODEC(ZSTD(1)),
    device LowCardinality(String),
    country LowCardinality(String),
    browser LowCardinality(String),
    os LowCardinality(String),
    bot Bool,
    exit_page String COMMENT 'URL of the last page' CODEC(ZSTD(3)),
    settings UInt32 COMMENT 'version of the settings in force at the first hit',
    list UInt32 COMMENT 'number of the referrer list its channel was read from',
    engaged_ms Int64 COMMENT 'from leave hits' CODEC(ZSTD(1)),
    page_views UInt32,
    events UInt32,
    items_at Array(Int64) COMMENT 'milliseconds since started_at, ascending with the hit''s id as second key' CODEC(ZSTD(1)),
    items_type Array(Enum8('unspecified' = 0, 'pageview' = 1, 'event' = 2, 'identify' = 3, 'leave' = 4)),
    items_url Array(String) COMMENT 'redacted, without fragment' CODEC(ZSTD(1)),
    items_title Array(String) CODEC(ZSTD(1)),
    items_name Array(LowCardinality(String)) COMMENT 'of custom events',
    items_click_id Array(String) CODEC(ZSTD(1)),
    items_hit Array(FixedString(16)) COMMENT 'ids in the table hits' CODEC(ZSTD(1)),
    INDEX visitor_index visitor TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX ended_index ended_at TYPE minmax GRANULARITY 1,
    INDEX session_index session TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version, is_deleted)
PARTITION BY toYYYYMM(day)
ORDER BY (workspace, day, visitor, session)
-- Rows are wide, and a few visitors are looked up at every touch: small granules make that cheap.
SETTINGS index_granularity = 1024
COMMENT 'Stretches of one visitor''s hits, with their source; a pure function of hits and settings.';

-- +goose Down
DROP TABLE IF EXISTS sessions;
