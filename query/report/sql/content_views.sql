-- How often pages were viewed in the sessions of a period, and in how many browsers. Bots have no pages there: a filter on them
-- would have rows copied that are counted as they are.
SELECT toString(page), count() AS views, uniqExact(visitor_number) AS visitors
FROM (
    SELECT visitor_number, pages
    FROM sessions FINAL
    WHERE {{template "in_period.sql" .}}
)
ARRAY JOIN pages AS page
GROUP BY page
HAVING page != ''
