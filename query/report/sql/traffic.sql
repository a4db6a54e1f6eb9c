-- Sessions, visitors and page views by stretch of time, bots left out; the row with stretch 0 holds the whole period.
SELECT
    roundDown(toUnixTimestamp64Milli(started_at), {bounds:Array(Int64)}) AS stretch,
    count() AS sessions, uniqExact(visitor_key) AS visitors, sum(page_views) AS pages
FROM sessions FINAL
WHERE workspace = {workspace:UInt32}
    AND day >= toDate32(fromUnixTimestamp64Milli({begin:Int64}, 'UTC')) AND day <= toDate32(fromUnixTimestamp64Milli({end:Int64}, 'UTC'))
    AND started_at >= fromUnixTimestamp64Milli({begin:Int64}, 'UTC') AND started_at < fromUnixTimestamp64Milli({end:Int64}, 'UTC')
    AND NOT bot AND ({{.Filters}}){{if .Exclusions}} AND NOT ({{.Exclusions}}){{end}}
GROUP BY stretch WITH ROLLUP
