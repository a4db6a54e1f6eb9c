-- The shares of one conversion's touches under all models, by their places.
{{template "placed.sql" .}},
{{template "touched.sql" .}}
SELECT touch.6 AS place, touch.5 AS shares
FROM touched
ORDER BY place
