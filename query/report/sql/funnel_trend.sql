-- How many of those who entered in each stretch of time got to each step.
{{template "funnel_entities.sql" .}}
SELECT bucket, step, count() AS entered,
    quantileExactInclusive(0.5)(after) AS median, quantileExactInclusive(0.9)(after) AS p90
FROM (
    SELECT
        bucket, best[1] AS first,
        arrayJoin(arrayMap((t, i) -> (i, t - first), best, arrayEnumerate(best))) AS reached, reached.1 AS step, reached.2 / 1000 AS after
    FROM entities
)
GROUP BY bucket, step
{{- template "funnel_settings.sql" .}}
