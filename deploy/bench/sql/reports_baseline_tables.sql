-- What somebody builds who asks hits and sessions directly: numbers and LowCardinality, sorted by day, visitor and time, nothing
-- to be merged.
CREATE TABLE plain.hits (
    workspace UInt32,
    date Date,
    visitor UUID,
    at DateTime64(3, 'UTC'),
    type Enum8('pageview' = 1, 'event' = 2),
    path LowCardinality(String),
    name LowCardinality(String),
    source LowCardinality(String)
)
ENGINE = MergeTree
ORDER BY (workspace, date, visitor, at);

CREATE TABLE plain.sessions (
    workspace UInt32,
    date Date,
    visitor UUID,
    at DateTime64(3, 'UTC'),
    session FixedString(16),
    channel LowCardinality(String),
    source LowCardinality(String),
    medium LowCardinality(String),
    campaign LowCardinality(String),
    landing_page LowCardinality(String),
    country LowCardinality(String),
    bot Bool
)
ENGINE = MergeTree
ORDER BY (workspace, date, visitor, at);

CREATE TABLE plain.browsers (
    workspace UInt32,
    visitor UUID,
    contact FixedString(16),
    identified_at DateTime64(3, 'UTC')
)
ENGINE = MergeTree
ORDER BY (workspace, contact);

CREATE TABLE plain.conversions (
    workspace UInt32,
    at DateTime64(3, 'UTC'),
    id FixedString(16),
    name LowCardinality(String),
    contact FixedString(16),
    visitor UUID,
    value Float64
)
ENGINE = MergeTree
ORDER BY (workspace, at);
