-- Whose sessions of which days changed since they were copied.
SELECT DISTINCT day, visitor, sipHash64(visitor) AS browser
FROM journey_changes
WHERE workspace = {workspace:UInt32} AND toUnixTimestamp64Milli(noted) > {oldest:Int64}
    AND toUnixTimestamp64Milli(noted) > transform(toYYYYMM(day), {months:Array(UInt32)}, {noted:Array(Int64)}, toInt64(9223372036854775807))
LIMIT {limit:UInt64}
