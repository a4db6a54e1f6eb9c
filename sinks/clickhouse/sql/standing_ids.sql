-- The conversions that are, or were, of some contacts and happened at or after a moment.
SELECT DISTINCT id FROM conversions
WHERE workspace = {workspace:UInt32} AND at >= fromUnixTimestamp64Milli({since:Int64}, 'UTC')
    AND contact IN (SELECT arrayJoin(arrayMap(x -> toFixedString(unhex(x), 16), {contacts:Array(String)})))
