-- How many got to each step, and after how long: all of them, those who entered with each of the values that most entered
-- with, and the rest of the values together.
{{template "funnel_entities.sql" .}}
SELECT
    key, rest, grouping(key) = 1 AS whole, step, count() AS entered, uniqExact(entry) AS keys,
    quantileExactInclusive(0.5)(after) AS median, quantileExactInclusive(0.9)(after) AS p90
FROM (
    SELECT
        entry, {{if .Breakdown}}place > {rows:UInt32}{{else}}false{{end}} AS rest, if(rest, '', entry) AS key, best[1] AS first,
        arrayJoin(arrayMap((t, i) -> (i, t - first), best, arrayEnumerate(best))) AS reached, reached.1 AS step, reached.2 / 1000 AS after
{{- if .Breakdown}}
    FROM (
        SELECT entry, best, dense_rank() OVER (ORDER BY size DESC, entry) AS place
        FROM (SELECT entry, best, count() OVER (PARTITION BY entry) AS size FROM entities)
    )
{{- else}}
    FROM entities
{{- end}}
)
GROUP BY GROUPING SETS ((step), (rest, key, step))
ORDER BY whole DESC, rest, key, step
{{- template "funnel_settings.sql" .}}
