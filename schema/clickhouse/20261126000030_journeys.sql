-- +goose Up
CREATE TABLE IF NOT EXISTS journeys (
    month UInt32 COMMENT 'in which the session began, UTC, as 202611',
    build UInt64 COMMENT 'number of the copy that the row belongs to; of those that begin on one day the highest that has a head stands',
    workspace UInt32 COMMENT 'whose it is; 0 in the head of a copy',
    item UInt64 COMMENT 'what was done: a hash of the path of a page, or of an event''s name, its last two bits 1 for pages, 2 for events; 0 in a head',
    visitor UInt64 COMMENT 'sipHash64 of the sourceloop_id',
    moment UInt64 COMMENT 'milliseconds since 1970, above 22 bits that order what was done at one time: 1 for the very start of a session, 10 for the session, 11 for the place among its items then',
    session UInt64 COMMENT 'sipHash64 of the session''s id',
    day Date32 COMMENT 'UTC day on which the session began; of a head, with which the copy begins' CODEC(T64, ZSTD(1)),
    channel LowCardinality(String),
    source LowCardinality(String),
    medium LowCardinality(String),
    campaign LowCardinality(String),
    content LowCardinality(String),
    term LowCardinality(String),
    landing_page LowCardinality(String),
    referrer LowCardinality(String),
    device LowCardinality(String),
    country LowCardinality(String),
    browser LowCardinality(String),
    covers Date32 COMMENT 'of a head: the copy has the sessions from its day up to this day, which is excluded' CODEC(T64, ZSTD(1)),
    noted DateTime64(3, 'UTC') COMMENT 'of a head: what is in journey_changes up to then is in the copy',
    rows UInt64 COMMENT 'of a head: how many the copy has'
)
ENGINE = MergeTree
PARTITION BY (month, build)
ORDER BY (workspace, item, visitor, moment)
COMMENT 'What was done in sessions that rest, by what it was and by whom: an index of sessions for funnels. It can be dropped at any time, and is made again.';

CREATE TABLE IF NOT EXISTS journey_items (
    workspace UInt32,
    item UInt64 COMMENT 'as in journeys',
    kind Enum8('pageview' = 1, 'event' = 2),
    text String COMMENT 'the path of a page, or the name of an event' CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
ORDER BY (workspace, item, kind, text)
COMMENT 'What the numbers of items in journeys stand for: conditions of funnels are looked up here. Two rows of one item are a collision.';

CREATE TABLE IF NOT EXISTS journey_changes (
    workspace UInt32,
    noted DateTime64(3, 'UTC') COMMENT 'when the session was written',
    day Date32 COMMENT 'UTC day on which it began',
    visitor String COMMENT 'whose it is' CODEC(ZSTD(1))
)
ENGINE = MergeTree
ORDER BY (workspace, noted)
TTL toDateTime(noted) + INTERVAL 400 DAY
COMMENT 'Visitors'' days of which a session was written although they rest: what came late, was derived anew, or erased. Reports read them from sessions until the month''s next copy.';

-- A copy is made of what began more than two days before: whatever is written of it afterwards is noted.
CREATE MATERIALIZED VIEW IF NOT EXISTS journey_changes_noted TO journey_changes AS
SELECT DISTINCT workspace, now64(3, 'UTC') AS noted, day, visitor
FROM sessions
WHERE day < toDate32(now('UTC')) - 1
COMMENT 'Notes what is written of sessions that rest.';

-- +goose Down
DROP VIEW IF EXISTS journey_changes_noted;
DROP TABLE IF EXISTS journey_changes;
DROP TABLE IF EXISTS journey_items;
DROP TABLE IF EXISTS journeys;
