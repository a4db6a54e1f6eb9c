-- The hits that arrived since a moment: how many, and the newest. The id holds the time at which a hit was made, so that
-- only the months around are read; a hit that was made much earlier and arrived only now is found by received.
SELECT count(), toUnixTimestamp64Milli(max(received)), argMax(domain(url), received), argMax(url, received)
FROM hits
WHERE workspace = {workspace:UInt32} AND received >= fromUnixTimestamp64Milli({since:Int64}, 'UTC')
