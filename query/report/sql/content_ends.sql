-- With which pages sessions of a period began, and with which they ended, bots left out: a row has either the one or the other.
SELECT toString(first_page), toString(last_page), count() AS sessions
FROM sessions FINAL
WHERE {{template "in_period.sql" .}} AND NOT bot
GROUP BY GROUPING SETS ((first_page), (last_page))
HAVING first_page != '' OR last_page != ''
