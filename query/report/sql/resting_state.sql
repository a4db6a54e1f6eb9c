-- What tells whether sessions that are kept are still there: how many erasures and how much was noted, the tables themselves, and where
-- each month begins, which changes when all of it, or what came first, was taken away.
SELECT
    toUInt32OrZero(partition_id) AS month, toInt64(min(min_block_number)) AS first, toUnixTimestamp64Milli(now64(3, 'UTC')) AS clock,
    ifNull((SELECT count() FROM journey_changes WHERE workspace = 0), 0) AS erasures,
    ifNull((SELECT sum(rows) FROM system.parts WHERE database = currentDatabase() AND table = 'journey_changes' AND active), 0) AS notes,
    ifNull((SELECT if(count() = 3, arrayStringConcat(arraySort(groupArray(toString(uuid))), ','), '') FROM system.tables
        WHERE database = currentDatabase() AND name IN ('sessions', 'journey_changes', 'journey_changes_noted')), '') AS tables
FROM system.parts
WHERE database = currentDatabase() AND table = 'sessions' AND active
GROUP BY month
