-- What happened to every entity that did a step by which it may enter, in order: the walks are found by the reader
-- (funnelwalk.go). As a fold in the statement they took longer to plan than all of this takes to read.
{{template "funnel_events.sql" .}}
SELECT sorted.1 AS times, sorted.3 AS masks, sorted.4 AS stops
{{- if .Breakdown}}, CAST(sorted.5, 'Array(LowCardinality(String))') AS entries{{end}}
FROM (
    SELECT arraySort(groupArray(event)) AS sorted
    FROM events
    GROUP BY entity
    HAVING bitAnd(groupBitOr(event.3), {{if .AnyOrder}}65535{{else}}1{{end}}) != 0
)
