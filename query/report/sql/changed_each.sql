-- The conversions of which credits moved since a moment, newest first, with why.
{{template "placed.sql" .}},
{{template "touched.sql" .}},
    moved AS (
        SELECT why, id, contact, happened, name, touch.2 AS key, touch.3 AS second,
            sum(sign * touch.5[{model:UInt32}]) AS credit, sum(sign * value * touch.5[{model:UInt32}]) AS valued
        FROM touched
        WHERE touch.4
        GROUP BY why, id, contact, happened, name, key, second
    ),
    net AS (
        SELECT id, why, any(m.happened) AS happened, any(m.name) AS name, argMax(m.contact, m.credit) AS contact
        FROM moved AS m
        GROUP BY id, why, key, second
        HAVING abs(sum(m.credit)) > 1e-9 OR abs(sum(m.valued)) > 1e-9
    )
SELECT id, any(n.contact), any(n.happened) AS at, any(n.name), arraySort(groupUniqArray(why))
FROM net AS n
GROUP BY id
ORDER BY at DESC, id DESC
LIMIT {limit:UInt32}
