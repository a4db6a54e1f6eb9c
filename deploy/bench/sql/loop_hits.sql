-- The table of the pipeline's baseline: every hit once, as somebody builds it who counts visitors by day.
CREATE TABLE hits (
    workspace UInt32,
    id UUID,
    visitor String,
    at DateTime64(3, 'UTC'),
    received DateTime64(3, 'UTC'),
    type Enum8('unspecified' = 0, 'pageview' = 1, 'event' = 2, 'identify' = 3, 'leave' = 4, 'ads' = 5),
    url String,
    referrer String,
    title String,
    name LowCardinality(String),
    properties String,
    trait_email String,
    trait_phone String,
    trait_name String,
    trait_user_id String,
    user_agent String,
    tz LowCardinality(String),
    country LowCardinality(String),
    country_source LowCardinality(String),
    device LowCardinality(String),
    browser LowCardinality(String),
    os LowCardinality(String),
    bot Bool,
    clock_shift Int64,
    ad_consent LowCardinality(String),
    fbp String,
    fbc String,
    li_fat_id String
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (workspace, toDate(at), visitor, at)
