-- The conversions behind a row of credits, newest first, each with its share of the model's.
{{template "placed.sql" .}},
{{template "touched.sql" .}}
SELECT id, contact, happened, name, value, sum(touch.5[{model:UInt32}]) AS credit
FROM touched
WHERE touch.4 AND touch.2 = {key:String} AND touch.3 = {second:String}
GROUP BY id, contact, happened, name, value
HAVING credit > 0 AND (happened, hex(id)) < ({after_time:Int64}, upper({after_id:String}))
ORDER BY happened DESC, id DESC
LIMIT {limit:UInt32}
