-- Sessions and visitors of a period, from plain rows, bots left out.
SELECT count(), uniqExact(visitor)
FROM plain.sessions
WHERE workspace = 1 AND date >= toDate(fromUnixTimestamp64Milli({begin:Int64}, 'UTC')) AND date <= toDate(fromUnixTimestamp64Milli({end:Int64}, 'UTC'))
    AND at >= fromUnixTimestamp64Milli({begin:Int64}, 'UTC') AND at < fromUnixTimestamp64Milli({end:Int64}, 'UTC') AND NOT bot
