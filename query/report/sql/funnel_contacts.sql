-- The same of every contact: its browsers were others' at other times, so that events stand alone.
{{template "funnel_events.sql" .}}
SELECT groupArray(2 * event.1 + (length(event.2) > 16)) AS times, groupArray(toFixedString(substring(event.2, -16), 16)) AS ties,
    groupArray(event.3) AS masks{{if .Exclusions}}, groupArray(event.4) AS stops{{end}}
{{- if .Breakdown}}, CAST(groupArray(event.5), 'Array(LowCardinality(String))') AS entries{{end}}
FROM events
GROUP BY entity
HAVING bitAnd(groupBitOr(event.3), {{.EntryMask}}) != 0
