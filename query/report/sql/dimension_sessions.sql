-- Sessions of a period by one or two dimensions, bots left out. Of more values than that the answer would take too much.
SELECT {{.Key}} AS key, {{.Second}} AS second, count() AS sessions
FROM sessions FINAL
WHERE {{template "in_period.sql" .}} AND NOT bot
GROUP BY key, second
SETTINGS max_rows_to_group_by = 4000000, group_by_overflow_mode = 'throw'
