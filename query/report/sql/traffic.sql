-- Sessions, visitors and page views by stretch of time, bots left out.
SELECT
    roundDown(toUnixTimestamp64Milli(started_at), {bounds:Array(Int64)}) AS stretch,
    count() AS sessions, uniqExact(visitor_number) AS visitors, sum(page_views) AS pages
FROM sessions FINAL
WHERE {{template "in_period.sql" .}} AND NOT bot
GROUP BY stretch
