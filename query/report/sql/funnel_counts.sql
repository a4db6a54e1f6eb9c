-- How often each step's condition was met, and by how many: one reading for all of them. Who conversed without a browser
-- counts as somebody of their own.
WITH
    fromUnixTimestamp64Milli({begin:Int64}, 'UTC') AS begins,
    fromUnixTimestamp64Milli({end:Int64}, 'UTC') AS last_event
SELECT sumForEach(times), sumForEach(arrayMap(n -> toUInt64(n > 0), times))
FROM (
    SELECT who, sumForEach(met) AS times
    FROM (
        SELECT visitor AS who, toUnixTimestamp64Milli(started_at) AS started,
            arrayMap(k -> toUInt64(arrayCount((offset, type, url, name, hit) ->
                started + offset >= {begin:Int64} AND started + offset < {end:Int64} AND bitTest(toUInt16({{.ItemMask}}), k - 1),
                items_at, items_type, items_url, items_name, items_hit)), range(1, {steps:UInt8} + 1)) AS met
        FROM sessions FINAL
        WHERE workspace = {workspace:UInt32} AND day <= toDate32(last_event) AND started_at < last_event AND ended_at >= begins
        UNION ALL
        SELECT if(own_visitor = '', concat('contact:', hex(contact)), own_visitor) AS who, 0 AS started,
            arrayMap(k -> toUInt64(bitTest(mask, k - 1)), range(1, {steps:UInt8} + 1)) AS met
        FROM (
            SELECT own_visitor, contact, deleted, toUInt16({{.ConversionMask}}) AS mask
            FROM conversions
            WHERE workspace = {workspace:UInt32} AND at >= begins AND at < last_event
            ORDER BY version DESC, known_at DESC
            LIMIT 1 BY at, id
        )
        WHERE NOT deleted AND mask != 0
    )
    GROUP BY who
)
