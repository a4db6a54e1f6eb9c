-- What those who went on did between a step and the next, or those who did not until their window ended. What happened at the
-- very time of a step is not between; repeats stand once.
{{template "funnel_entities.sql" .}}
SELECT path, longer, count() AS people, quantileExactInclusive(0.5)(took) AS median, sum(people) OVER () AS everybody, count() OVER () AS paths
FROM (
    SELECT
        best[{step:UInt8}] AS since, {{if .Dropped}}best[1] + window_ms + 1{{else}}best[{step:UInt8} + 1]{{end}} AS until,
        {{if .Dropped}}0{{else}}(until - since) / 1000{{end}} AS took,
        arrayCompact(arrayMap(e -> e.6, arrayFilter(e -> e.1 > since AND e.1 < until, seen))) AS labels,
        arraySlice(labels, 1, {depth:UInt8}) AS path, length(labels) > {depth:UInt8} AS longer
    FROM entities
    WHERE length(best) {{if .Dropped}}={{else}}>{{end}} {step:UInt8}
)
GROUP BY path, longer
ORDER BY people DESC, path, longer
LIMIT {limit:UInt32}
{{- template "funnel_settings.sql" .}}
