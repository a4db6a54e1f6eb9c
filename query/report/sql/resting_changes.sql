-- Whose sessions of which days were written although they rest, since some moment.
SELECT day, visitor, sipHash64(visitor) AS browser, max(toUnixTimestamp64Milli(noted)) AS last
FROM journey_changes
WHERE workspace = {workspace:UInt32} AND noted >= fromUnixTimestamp64Milli({oldest:Int64}, 'UTC')
    AND day >= toDate32({first:Int32}) AND day < toDate32({end:Int32})
GROUP BY day, visitor
LIMIT {limit:UInt64}
