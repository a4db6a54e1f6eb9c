-- Sessions of a period, bots left out: whose each is, when it began, and what is counted of it. Of a question only what is not kept of them is read.
SELECT visitor_number AS number, toUnixTimestamp64Milli(started_at) AS started{{range .Columns}}, {{.}}{{end}}
FROM sessions FINAL
WHERE {{template "in_period.sql" .}} AND NOT bot
{{- if .Days}}
    AND ({{.Days}}{{if .Changed}} OR (day, visitor) IN (SELECT day, visitor FROM changed){{end}})
{{- end}}
