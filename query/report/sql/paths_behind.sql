-- The conversions behind a row of a data-driven model, newest first: those whose path has the row's state, with all states of
-- the path as bits where sets are asked for, and those without a touch that are the row's own. The last two columns are of all
-- that have the state: how many, and what they are worth.
{{template "placed.sql" .}},
    stated AS (
        SELECT id, contact, happened, name, value, places[1] > 0 AS touched,
            arrayDistinct(arrayMap(place -> {{.State}}, arrayFilter(place -> place > 0, places))) AS states,
            arrayExists(place -> place <= 0 AND {{.Key}} = {key:String} AND {{.Second}} = {second:String} AND ({{.Filters}}), places) AS own
        FROM placed
    ),
    bearing AS (
        SELECT id, contact, happened, name, value, touched, states, countIf(touched) OVER () AS bearers, sumIf(value, touched) OVER () AS borne
        FROM stated
        WHERE own OR has(states, {state:Int32})
    )
SELECT id, contact, happened, name, value, touched,
    {{if .Sets}}arrayReduce('groupBitOr', arrayMap(state -> bitShiftLeft(toUInt64(1), toUInt8(state - 1)), states)){{else}}toUInt64(0){{end}} AS members,
    bearers, borne
FROM bearing
WHERE (happened, hex(id)) < ({after_time:Int64}, upper({after_id:String}))
ORDER BY happened DESC, id DESC
LIMIT {limit:UInt32}
