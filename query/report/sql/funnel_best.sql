-- The pages that a first visit began with, and how many of those who began so converted within the window: those first whose
-- rate is high also at the lower end of its 95 % interval (Wilson's), so that two of two are no record.
{{template "funnel_events.sql" .}},
    began AS (
{{- if .Contacts}}
        SELECT contacts[1]
        FROM identities FINAL
        WHERE workspace = {workspace:UInt32} AND startsWith(node, 'visitor:') AND substring(node, 9) IN (
            SELECT visitor FROM sessions FINAL
            WHERE workspace = {workspace:UInt32} AND reason = 'first_hit' AND day <= toDate32(ends) AND started_at >= begins AND started_at < ends)
            AND contacts[1] NOT IN (
                SELECT contacts[1]
                FROM identities FINAL
                WHERE workspace = {workspace:UInt32} AND startsWith(node, 'visitor:') AND substring(node, 9) IN (
                    SELECT visitor FROM sessions FINAL
                    WHERE workspace = {workspace:UInt32} AND reason = 'first_hit' AND day <= toDate32(begins) AND started_at < begins))
{{- else}}
        SELECT {{if .Sessions}}session{{else}}visitor{{end}}
        FROM sessions FINAL
        WHERE workspace = {workspace:UInt32} AND day >= toDate32(begins) AND day <= toDate32(ends) AND started_at >= begins AND started_at < ends
{{- if not .Sessions}} AND reason = 'first_hit'{{end}}
{{- end}}
    ),
    visits AS (
        SELECT
            entity, arraySort(groupArray(event)) AS seen,
            arrayFirstIndex(e -> bitTest(e.3, 0), seen) AS start, seen[start].1 AS first,
            arrayFilter(e -> e.1 <= first + window_ms, arraySlice(seen, start)) AS during,
            arrayFirstIndex((e, i) -> bitTest(e.3, 1) AND i > 1, during, arrayEnumerate(during)) AS goal,
            arraySlice(arrayCompact(arrayMap(e -> e.6, arrayFilter(e -> startsWith(e.6, 'p'), if(goal = 0, during, arraySlice(during, 1, goal - 1))))), 1, {depth:UInt8}) AS path,
            if(goal = 0, 0, (during[goal].1 - first) / 1000) AS took
        FROM events
        WHERE entity IN (SELECT * FROM began)
        GROUP BY entity
        HAVING start > 0 AND first < {end:Int64}
    )
SELECT path, people, won, median, sum(people) OVER () AS everybody, sum(won) OVER () AS winners, count() OVER () AS paths
FROM (
    SELECT
        path, count() AS people, countIf(goal > 0) AS won, quantileExactInclusiveIf(0.5)(took, goal > 0) AS median,
        won / people AS rate,
        (rate + 1.9208 / people - 1.96 * sqrt(rate * (1 - rate) / people + 0.9604 / people / people)) / (1 + 3.8416 / people) AS surely
    FROM visits
    GROUP BY path
)
ORDER BY people >= {at_least:UInt32} DESC, surely DESC, people DESC, path
LIMIT {limit:UInt32}
