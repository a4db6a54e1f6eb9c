-- The numbers of the pages and events that the funnel looks at, with what each is to it; how many meanings one has.
SELECT item, any(m) AS mask, any(s) AS stop, uniqExact(m, s) AS meanings
FROM (
    SELECT item, kind AS type, text AS name, text AS page, text AS url, toUInt16({{.ItemMask}}) AS m, toUInt16({{.ItemStop}}) AS s
    FROM journey_items
    WHERE workspace = {workspace:UInt32}
)
GROUP BY item
HAVING mask != if(bitAnd(item, 3) = 1, {{.Pages}}, 0) OR stop != {{.Otherwise}} OR meanings > 1
LIMIT {limit:UInt64}
