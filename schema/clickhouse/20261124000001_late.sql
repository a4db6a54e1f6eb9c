-- +goose Up
CREATE TABLE IF NOT EXISTS late_visitors (
    workspace UInt32 COMMENT 'whose visitor it is',
    visitor String COMMENT 'the sourceloop_id' CODEC(ZSTD(1)),
    version UInt64 COMMENT 'epoch of the writer above its counter; the highest row stands',
    is_deleted UInt8 COMMENT '1 where the late hits were folded into sessions'
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (workspace, visitor)
COMMENT 'Visitors with hits from before their seal: stored, and waiting for their sessions to be derived anew.';

CREATE TABLE IF NOT EXISTS task_steps (
    task FixedString(16) COMMENT 'a rebuild or an erasure, as the settings database numbers it',
    part LowCardinality(String) COMMENT 'of the task: a partition, a browser, a workspace''s leads',
    step UInt32 COMMENT 'the highest stands',
    done Bool COMMENT 'the last step of the part',
    at DateTime64(3, 'UTC'),
    counts Map(LowCardinality(String), UInt64) COMMENT 'what was done so far, by name'
)
ENGINE = ReplacingMergeTree(step)
ORDER BY (task, part)
COMMENT 'How far rebuilds and erasures have come, told by the owners of the partitions.';

-- +goose Down
DROP TABLE IF EXISTS task_steps;
DROP TABLE IF EXISTS late_visitors;
