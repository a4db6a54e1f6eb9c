-- Sessions of a period by one or two dimensions, bots left out.
SELECT {{.Key}} AS key, {{.Second}} AS second, count() AS sessions
FROM sessions FINAL
WHERE {{template "in_period.sql" .}} AND NOT bot
GROUP BY key, second
