-- What was done of what a funnel looks at, in sessions that were copied; of visitors whose numbers lie in a range. One thread gives
-- an item's rows in the order of visitors. To look at a column takes as long as to give it. So copies are chosen by the index alone:
-- each is a partition, of which everything or nothing is read. And times are looked at only where most are not asked for.
SELECT visitor AS browser, moment
{{- if .Days}}, day{{end}}
{{- if .Sessions}}, session AS of_session{{end}}
{{- if .Apart}}, item{{end}}
{{- if .Coded}}, toUInt8(bitShiftRight(item, {{.Shift}})) AS code{{end}}
{{- if .Entry}}, {{.Entry}} AS entry{{end}}
{{- range .Dimensions}}, j.{{.}} AS of_{{.}}{{end}}
FROM journeys AS j
WHERE workspace = {workspace:UInt32} AND indexHint((month, build) IN {copies:Array(Tuple(UInt32, UInt64))})
{{- if .Chosen}} AND item {{if .One}}= {items:Array(UInt64)}[1]{{else}}IN {items:Array(UInt64)}{{end}}{{end}}
{{- if .Without}} AND item NOT IN {items:Array(UInt64)}{{end}}
{{- if .Parted}} AND item >= {from:UInt64} AND item <= {to:UInt64}{{end}}
{{- if .Ranged}} AND visitor >= {low:UInt64} AND visitor <= {high:UInt64}{{end}}
{{- if .Bounded}} AND moment >= {first:UInt64} AND moment < {last:UInt64}{{end}}
{{- if .Contacts}}
    AND visitor IN (SELECT sipHash64(substring(node, 9)) FROM identities WHERE workspace = {workspace:UInt32} AND startsWith(node, 'visitor:'))
{{- end}}
{{- if .Only}}
    AND {{if .Sessions}}session{{else}}visitor{{end}} IN (SELECT number FROM only)
{{- end}}
SETTINGS max_threads = 1{{if .Only}}, use_index_for_in_with_subqueries = 0{{end}}
