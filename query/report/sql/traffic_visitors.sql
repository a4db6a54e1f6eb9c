-- Visitors of a whole period, bots left out. WITH ROLLUP would find them in the stretches' sets, on one thread, which takes longer.
SELECT uniqExact(visitor_number)
FROM sessions FINAL
WHERE {{template "in_period.sql" .}} AND NOT bot
