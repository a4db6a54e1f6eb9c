-- How much of journeys a funnel reads.
SELECT count() AS size
FROM journeys
WHERE workspace = {workspace:UInt32} AND month IN {months:Array(UInt32)} AND build IN {builds:Array(UInt64)}
{{- if not .Everything}} AND item IN {items:Array(UInt64)}{{end}}
