-- Browsers and sessions of a period by country, bots left out.
SELECT toString(country) AS place, uniqExact(visitor_number) AS visitors, count() AS sessions
FROM sessions FINAL
WHERE {{template "in_period.sql" .}} AND NOT bot
GROUP BY place
