-- Pages of sessions that began in a period, bots left out: how often one was the first, was viewed, was the last, and in how
-- many browsers it was viewed. A page is its URL without query.
SELECT cutQueryString(url) AS page, countIf(place = 'entry') AS entries, countIf(place = 'view') AS views, countIf(place = 'exit') AS exits,
    uniqExactIf(visitor_key, place = 'view') AS visitors
FROM (
    SELECT visitor_key, landing_page, exit_page, items_url, items_type
    FROM sessions FINAL
    WHERE workspace = {workspace:UInt32}
        AND day >= toDate32(fromUnixTimestamp64Milli({begin:Int64}, 'UTC')) AND day <= toDate32(fromUnixTimestamp64Milli({end:Int64}, 'UTC'))
        AND started_at >= fromUnixTimestamp64Milli({begin:Int64}, 'UTC') AND started_at < fromUnixTimestamp64Milli({end:Int64}, 'UTC')
        AND NOT bot AND ({{.Filters}}){{if .Exclusions}} AND NOT ({{.Exclusions}}){{end}}
)
ARRAY JOIN
    arrayConcat([landing_page, exit_page], items_url) AS url,
    arrayConcat(['entry', 'exit'], arrayMap(type -> if(type = 'pageview', 'view', ''), items_type))::Array(Enum8('' = 0, 'entry' = 1, 'view' = 2, 'exit' = 3)) AS place
WHERE place != ''
GROUP BY page
HAVING page != ''
