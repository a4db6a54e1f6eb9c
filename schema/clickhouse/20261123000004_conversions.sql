-- +goose Up
CREATE TABLE IF NOT EXISTS conversion_facts (
    workspace UInt32,
    id FixedString(16) COMMENT 'hash of workspace, provider, external id and kind',
    version UInt64 COMMENT 'epoch of the writer above its counter; the highest row stands',
    name LowCardinality(String) COMMENT 'intercom_conversation, hubspot_conversation, contact, a goal',
    provider LowCardinality(String),
    external_id String COMMENT 'the provider''s id of it',
    node String COMMENT 'whose it is: the provider''s contact, or an email, phone, visitor, user',
    visitor String COMMENT 'the browser it happened in, or empty',
    at DateTime64(3, 'UTC') COMMENT 'when it happened; a whole second counts as its end',
    value Float64,
    currency LowCardinality(String) COMMENT 'ISO 4217',
    url String COMMENT 'reopens the conversation in the provider',
    page String COMMENT 'where the visitor was',
    message String COMMENT 'the first message, plain text' CODEC(ZSTD(3)),
    state LowCardinality(String) COMMENT 'open, closed, snoozed',
    deleted Bool COMMENT 'by the provider or by an operator',
    updated DateTime64(3, 'UTC') COMMENT 'the provider''s record; of two the newer stands',
    visitor_since DateTime64(3, 'UTC') COMMENT 'the record that first told the visitor; of two visitors the earlier known stands',
    INDEX node_index node TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX visitor_index visitor TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (workspace, id)
SETTINGS index_granularity = 1024
COMMENT 'Conversions before they are credited: what providers and sites told.';

CREATE TABLE IF NOT EXISTS conversions (
    workspace UInt32,
    at DateTime64(3, 'UTC') COMMENT 'when it happened' CODEC(Delta, ZSTD(1)),
    id FixedString(16) COMMENT 'of the fact; that a contact came to be has the contact''s id',
    version UInt64 COMMENT 'of the state this was computed from; the highest known at a moment stands' CODEC(Delta, ZSTD(1)),
    known_at DateTime64(3, 'UTC') COMMENT 'when the row was written: what a report as of an earlier day may see' CODEC(Delta, ZSTD(1)),
    deleted Bool COMMENT 'counts no longer: the fact is gone, or its contact has neither email nor phone',
    fingerprint UInt64 COMMENT 'hash of everything below, 0 when deleted: a row is appended only where it differs from the newest',
    name LowCardinality(String),
    provider LowCardinality(String),
    external_id String,
    url String,
    value Float64,
    currency LowCardinality(String),
    contact FixedString(16) COMMENT 'whose it is now',
    has_email Bool,
    has_phone Bool,
    own_visitor String COMMENT 'the browser it happened in, or empty',
    visitor String COMMENT 'of the converting session, or empty',
    device LowCardinality(String) COMMENT 'of the converting session',
    country LowCardinality(String),
    browser LowCardinality(String),
    os LowCardinality(String),
    referrer_chain Array(String) COMMENT 'distinct external referrers, in order' CODEC(ZSTD(1)),
    pages_before UInt32 COMMENT 'page views of the contact before the conversion',
    seconds_on_site Float64 COMMENT 'sum of last minus first activity over its sessions up to the conversion',
    return_visits UInt32 COMMENT 'these sessions minus one',
    sessions_before UInt32 COMMENT 'number of touches before they were cut',
    touches_at Array(DateTime64(3, 'UTC')) COMMENT 'starts of the sessions credited, the converting one last: the first touch of every lookback window and the last 100' CODEC(ZSTD(1)),
    touches_session Array(FixedString(16)) CODEC(ZSTD(1)),
    touches_visitor Array(String) CODEC(ZSTD(1)),
    touches_channel Array(LowCardinality(String)),
    touches_source Array(LowCardinality(String)),
    touches_medium Array(LowCardinality(String)),
    touches_campaign Array(LowCardinality(String)),
    touches_content Array(LowCardinality(String)),
    touches_term Array(LowCardinality(String)),
    touches_landing_page Array(String) CODEC(ZSTD(1)),
    touches_referrer Array(String) CODEC(ZSTD(1)),
    touches_rule Array(LowCardinality(String)),
    touches_device Array(LowCardinality(String)),
    touches_country Array(LowCardinality(String)),
    touches_browser Array(LowCardinality(String)),
    INDEX contact_index contact TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX id_index id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(known_at)
ORDER BY (workspace, at, id, version)
SETTINGS index_granularity = 1024
COMMENT 'Conversions with their touches. Rows are appended, never changed: a report takes the newest of each (at, id) known at the moment it asks for.';

-- +goose Down
DROP TABLE IF EXISTS conversions;
DROP TABLE IF EXISTS conversion_facts;
