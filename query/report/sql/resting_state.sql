-- What tells whether sessions that are kept are still there: how many erasures there were, how much was noted, and up to which
-- blocks, the tables themselves, and where each month begins, which changes when all of it, or what came first, was taken away.
SELECT
    toUInt32OrZero(partition_id) AS month, toInt64(min(min_block_number)) AS first, toUnixTimestamp64Milli(now64(3, 'UTC')) AS clock,
    ifNull((SELECT count() FROM journey_changes WHERE workspace = 0), 0) AS erasures,
    ifNull((SELECT sum(rows) FROM system.parts WHERE database = currentDatabase() AND table = 'journey_changes' AND active), 0) AS notes,
    ifNull((SELECT sipHash64(arraySort(groupArray((partition_id, last)))) FROM (
        SELECT partition_id, max(max_block_number) AS last FROM system.parts
        WHERE database = currentDatabase() AND table = 'journey_changes' AND active GROUP BY partition_id
    )), 0) AS blocks,
    ifNull((SELECT if(count() = 3, arrayStringConcat(arraySort(groupArray(toString(uuid))), ','), '') FROM system.tables
        WHERE database = currentDatabase() AND name IN ('sessions', 'journey_changes', 'journey_changes_noted')), '') AS tables
FROM system.parts
WHERE database = currentDatabase() AND table = 'sessions' AND active
GROUP BY month
