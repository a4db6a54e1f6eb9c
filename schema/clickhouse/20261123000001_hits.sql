-- +goose Up
CREATE TABLE IF NOT EXISTS hits (
    workspace UInt32 COMMENT 'whose hit it is',
    id FixedString(16) COMMENT 'UUIDv7 made where the hit was born, its bytes in order of time; UUIDNumToString(id) is its usual form' CODEC(ZSTD(1)),
    version UInt64 COMMENT 'all ones minus received: of two bodies with one id the one received earlier stands' CODEC(Delta, ZSTD(1)),
    visitor String COMMENT 'the sourceloop_id' CODEC(ZSTD(1)),
    at DateTime64(3, 'UTC') COMMENT 'event time, corrected for a wrong clock' CODEC(Delta, ZSTD(1)),
    received DateTime64(3, 'UTC') COMMENT 'arrival at the collector' CODEC(Delta, ZSTD(1)),
    type Enum8('unspecified' = 0, 'pageview' = 1, 'event' = 2, 'identify' = 3, 'leave' = 4) COMMENT 'what the browser reports',
    url String COMMENT 'raw; read by no report' CODEC(ZSTD(3)),
    referrer String COMMENT 'raw; read by no report' CODEC(ZSTD(3)),
    title String CODEC(ZSTD(3)),
    name LowCardinality(String) COMMENT 'of a custom event',
    properties String COMMENT 'a JSON object, or empty' CODEC(ZSTD(3)),
    trait_email String COMMENT 'as the site said it through identify' CODEC(ZSTD(1)),
    trait_phone String CODEC(ZSTD(1)),
    trait_name String CODEC(ZSTD(1)),
    trait_user_id String CODEC(ZSTD(1)),
    user_agent String COMMENT 'raw; read by no report' CODEC(ZSTD(3)),
    tz LowCardinality(String) COMMENT 'the browser''s IANA time zone',
    country LowCardinality(String) COMMENT 'ISO 3166-1 alpha-2, or empty',
    country_source LowCardinality(String) COMMENT 'geoip, header, timezone, or empty',
    device LowCardinality(String) COMMENT 'desktop, mobile, tablet, bot, or empty',
    browser LowCardinality(String),
    os LowCardinality(String),
    bot Bool COMMENT 'by agent and known lists',
    clock_shift Int64 COMMENT 'milliseconds that were added to the browser''s time' CODEC(ZSTD(1)),
    INDEX visitor_index visitor TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX received_index received TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version)
-- Key and month come from the id alone, never from at: a hit that is sent twice, its time corrected in two ways, must
-- fall on itself. A time beyond 2106 counts as 2106, so that a forged id makes no error.
PARTITION BY toYYYYMM(toDateTime(least(intDiv(reinterpretAsUInt64(reverse(substring(id, 1, 6))), 1000), 4294967295), 'UTC'))
ORDER BY (workspace, id)
COMMENT 'Every acknowledged hit: the truth that sessions are derived from.';

-- +goose Down
DROP TABLE IF EXISTS hits;
