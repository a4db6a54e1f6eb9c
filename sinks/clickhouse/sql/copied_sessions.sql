-- What crediting reads of sessions, sorted by browser, in granules of a few browsers.
CREATE TEMPORARY TABLE sessions (
    workspace UInt32,
    day Date32,
    visitor String,
    session FixedString(16),
    version UInt64,
    is_deleted UInt8,
    started_at DateTime64(3, 'UTC'),
    ended_at DateTime64(3, 'UTC'),
    channel LowCardinality(String),
    source LowCardinality(String),
    medium LowCardinality(String),
    campaign LowCardinality(String),
    content LowCardinality(String),
    term LowCardinality(String),
    landing_page String,
    referrer String,
    rule LowCardinality(String),
    device LowCardinality(String),
    country LowCardinality(String),
    browser LowCardinality(String),
    os LowCardinality(String),
    items_at Array(Int64),
    items_type Array(Enum8('unspecified' = 0, 'pageview' = 1, 'event' = 2, 'identify' = 3, 'leave' = 4)),
    items_hit Array(FixedString(16)),
    items_url Array(String),
    items_name Array(LowCardinality(String))
)
ENGINE = MergeTree
ORDER BY (workspace, visitor)
SETTINGS index_granularity = 128, min_compress_block_size = 8192
