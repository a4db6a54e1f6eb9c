-- Browsers and sessions of a period by country, bots left out.
SELECT toString(country) AS place, uniqExact(visitor_key) AS visitors, count() AS sessions
FROM sessions FINAL
WHERE workspace = {workspace:UInt32}
    AND day >= toDate32(fromUnixTimestamp64Milli({begin:Int64}, 'UTC')) AND day <= toDate32(fromUnixTimestamp64Milli({end:Int64}, 'UTC'))
    AND started_at >= fromUnixTimestamp64Milli({begin:Int64}, 'UTC') AND started_at < fromUnixTimestamp64Milli({end:Int64}, 'UTC')
    AND NOT bot AND ({{.Filters}}){{if .Exclusions}} AND NOT ({{.Exclusions}}){{end}}
GROUP BY place
