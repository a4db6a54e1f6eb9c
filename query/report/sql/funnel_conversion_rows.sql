-- The conversions that a funnel looks at, those of each in the order in which they count at equal times.
WITH
    {{template "funnel_bounds.sql" .}}
SELECT sipHash64(own_visitor) AS browser, toUInt64(toUnixTimestamp64Milli(at)) AS moment,
    toUInt16({{.ConversionMask}}) AS mask
{{- if .Sessions}}, sipHash64(touches_session[-1]) AS of_session{{end}}
{{- if .Exclusions}}, toUInt16({{.ConversionStop}}) AS stop{{end}}
{{- if .Breakdown}}, CAST({{.ConversionKey}}, 'LowCardinality(String)') AS entry{{end}}
{{- if .Stream}}, CAST(bitOr(bitAnd(sipHash64(name), bitNot(toUInt64(3))), 3), 'UInt64') AS item{{end}},
    contact{{if .Credited}}, id{{end}}
FROM (
    SELECT *
    FROM conversions
    WHERE workspace = {workspace:UInt32} AND at >= begins AND at <= last_event
    ORDER BY version DESC, known_at DESC
    LIMIT 1 BY at, id
)
WHERE NOT deleted {{if not .Stream}}AND (mask != 0{{if .Exclusions}} OR stop != 0{{end}}) {{end}} AND ({{.ConversionCounts}})
ORDER BY at, {{if .Contacts}}contact{{else}}own_visitor{{end}}, id
