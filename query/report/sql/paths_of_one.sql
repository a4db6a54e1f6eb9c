-- The states of one conversion under a data-driven model: each with how many conversions have it, and the places of its touches
-- in this one. No rows for a conversion that the question does not count, or that has no touch.
{{template "placed.sql" .}},
    stated AS (
        SELECT id, arrayFilter(place -> place > 0, places) AS touched, arrayMap(place -> {{.State}}, touched) AS states
        FROM placed
    )
SELECT state, count() AS bearers, anyIf(arrayFilter((place, of) -> of = state, touched, states), id = toFixedString(unhex({id:String}), 16)) AS here
FROM stated
ARRAY JOIN arrayDistinct(states) AS state
GROUP BY state
HAVING notEmpty(here)
