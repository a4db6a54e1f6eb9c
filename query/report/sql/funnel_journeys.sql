-- What was done of what a funnel looks at, in sessions that were copied; of visitors whose numbers lie in a range. One thread gives
-- an item's rows in the order of visitors. What one enters with is asked of the items by which one may enter, and of no others.
SELECT visitor AS browser, moment, item
{{- if .Sessions}}, session AS of_session{{end}}
{{- if .Entering}}, {{.Entry}} AS entry{{end}}
FROM journeys AS j
WHERE workspace = {workspace:UInt32} AND month IN {months:Array(UInt32)} AND build IN {builds:Array(UInt64)}
    AND visitor >= {low:UInt64} AND visitor <= {high:UInt64} AND moment >= {first:UInt64} AND moment < {last:UInt64}
{{- if .Entering}}
    AND item IN {entering:Array(UInt64)}
{{- else if .Breakdown}}
    AND item NOT IN {entering:Array(UInt64)}
{{- end}}
{{- if not .Everything}}
    AND item IN {items:Array(UInt64)}
{{- end}}
{{- if .Changed}}
    AND (day, visitor) NOT IN (SELECT day, sipHash64(visitor) FROM changed)
{{- end}}
{{- if .Contacts}}
    AND visitor IN (SELECT sipHash64(substring(node, 9)) FROM identities WHERE workspace = {workspace:UInt32} AND startsWith(node, 'visitor:'))
{{- end}}
{{- if .Only}}
    AND {{if .Sessions}}session{{else}}visitor{{end}} IN (SELECT number FROM only)
{{- end}}
SETTINGS max_threads = 1{{if .Only}}, use_index_for_in_with_subqueries = 0{{end}}
