-- Pages of sessions that began in a period, bots left out: how often one was the first, was viewed, was the last, and in how
-- many browsers it was viewed. A page is its URL without query.
SELECT seen.1 AS page, sum(seen.2) AS entries, sum(seen.3) AS views, sum(seen.4) AS exits, uniqExactIf(visitor, seen.3 = 1) AS visitors
FROM (
    SELECT visitor, arrayJoin(arrayConcat(
        [(cutQueryString(landing_page), toUInt64(1), toUInt64(0), toUInt64(0)), (cutQueryString(exit_page), toUInt64(0), toUInt64(0), toUInt64(1))],
        arrayMap(url -> (cutQueryString(url), toUInt64(0), toUInt64(1), toUInt64(0)), arrayFilter((url, type) -> type = 'pageview', items_url, items_type))
    )) AS seen
    FROM sessions FINAL
    WHERE workspace = {workspace:UInt32}
        AND day >= toDate32(fromUnixTimestamp64Milli({begin:Int64}, 'UTC')) AND day <= toDate32(fromUnixTimestamp64Milli({end:Int64}, 'UTC'))
        AND started_at >= fromUnixTimestamp64Milli({begin:Int64}, 'UTC') AND started_at < fromUnixTimestamp64Milli({end:Int64}, 'UTC')
        AND NOT bot AND ({{.Filters}}){{if .Exclusions}} AND NOT ({{.Exclusions}}){{end}}
)
WHERE page != ''
GROUP BY page
