-- +goose Up
CREATE TABLE IF NOT EXISTS dead_letters (
    id FixedString(16) COMMENT 'hash of topic, partition, offset and value',
    at DateTime64(3, 'UTC') COMMENT 'when it was given up',
    topic LowCardinality(String),
    topic_partition Int32,
    topic_offset Int64,
    key String,
    value String COMMENT 'the original bytes' CODEC(ZSTD(3)),
    stage LowCardinality(String),
    reason LowCardinality(String) COMMENT 'one of a fixed set',
    detail String COMMENT 'the error, without personal data',
    replayed Bool COMMENT 'was put back under the same id'
)
ENGINE = ReplacingMergeTree(replayed)
ORDER BY (topic, topic_partition, topic_offset, id)
COMMENT 'What could not be processed, with its original bytes and position.';

-- +goose Down
DROP TABLE IF EXISTS dead_letters;
