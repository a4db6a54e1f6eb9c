-- Credits of all models at once, by one or two keys of the credited touch. One row a key: conversions, value and conversions
-- with a touch by model, and the value of those without one. The order is last touch, first touch, last non-direct,
-- first non-direct, linear, position-based, time decay, W-shaped, full path. A further model that needs nothing but a
-- conversion's touches is one more element of the shares.
{{template "placed.sql" .}},
{{template "touched.sql" .}}
SELECT
    touch.2 AS key,
    touch.3 AS second,
    sumForEach(touch.5) AS conversions,
    sumForEach(arrayMap(s -> s * value, touch.5)) AS valued,
    sumForEachIf(touch.5, touch.1) AS attributed,
    sumIf(value, NOT touch.1) AS untouched
FROM touched
WHERE touch.4
GROUP BY key, second
