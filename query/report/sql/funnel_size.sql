-- How many rows of journeys a funnel reads at most, as the index has them.
EXPLAIN ESTIMATE
SELECT visitor, moment
FROM journeys
WHERE workspace = {workspace:UInt32}
{{- if not .Everything}} AND item IN {items:Array(UInt64)}{{end}}
