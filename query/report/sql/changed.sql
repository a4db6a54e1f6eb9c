-- What became of credits since a moment, by why: of every key, and of each cause in all (with how many conversions).
{{template "placed.sql" .}},
{{template "touched.sql" .}},
    moved AS (
        SELECT why, id, touch.2 AS key, touch.3 AS second, sum(sign * touch.5[{model:UInt32}]) AS credit, sum(sign * value * touch.5[{model:UInt32}]) AS valued
        FROM touched
        WHERE touch.4
        GROUP BY why, id, key, second
        HAVING abs(credit) > 1e-9 OR abs(valued) > 1e-9
    )
SELECT why, grouping(key) = 1 AS whole, key, second, sum(credit), sum(valued), uniqExact(id)
FROM moved
GROUP BY GROUPING SETS ((why, key, second), (why))
ORDER BY why, whole DESC, key, second
