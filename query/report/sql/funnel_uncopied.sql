-- How many sessions there may be of the days that were not copied, as the index has them: mostly there are none.
EXPLAIN ESTIMATE
SELECT visitor
FROM sessions
WHERE workspace = {workspace:UInt32} AND day <= toDate32(fromUnixTimestamp64Milli({last:Int64}, 'UTC')) AND day >= toDate32(fromUnixTimestamp64Milli({first:Int64}, 'UTC'))
    AND ({{.Uncopied}})
