-- Sessions of a period as numbers: whose each is, and what is counted of it. Bots are left out, unless the columns themselves leave
-- them out: to leave rows out of a column of arrays of texts takes longer than to read it.
SELECT visitor_number AS browser{{range .Columns}}, {{.}}{{end}}
FROM sessions FINAL
WHERE {{template "in_period.sql" .}}{{if not .Bots}} AND NOT bot{{end}}
