-- Credits of all models at once, by one key of the credited touch. One row a key: conversions and value by model, in
-- the order last touch, first touch, last non-direct, first non-direct, linear, position-based, time decay.
-- A further model that needs nothing but a conversion's touches is one more element of the shares.
--
-- Every step is a table expression of its own that names what it made: an alias that is used where it is defined is
-- written out at every use before anything is planned, which took longer than the report.
WITH
    newest AS (
        SELECT deleted, name, at, value, touches_at, touches_channel{{range .Columns}}, {{.}}{{end}}
        FROM conversions
        WHERE workspace = {workspace:UInt32}
            AND at >= fromUnixTimestamp64Milli({begin:Int64}, 'UTC') AND at < fromUnixTimestamp64Milli({end:Int64}, 'UTC')
            AND known_at <= fromUnixTimestamp64Milli({as_of:Int64}, 'UTC')
        ORDER BY version DESC, known_at DESC
        LIMIT 1 BY at, id
    ),
    windowed AS (
        SELECT *, toUnixTimestamp64Milli(at) AS happened, arrayMap(t -> toUnixTimestamp64Milli(t), touches_at) AS starts,
            arrayFilter(i -> {lookback:Int64} = 0 OR starts[i] >= happened - {lookback:Int64} * 86400000, arrayEnumerate(starts)) AS inside
        FROM newest
        -- The name is asked of the newest rows only: a row that says deleted has none.
        WHERE NOT deleted AND if({name:String} = '', name != 'contact', name = {name:String})
    ),
    -- The first and the last 99 of the window. A conversion without a touch has one at place 0, which is Direct.
    placed AS (
        SELECT *,
            multiIf(empty(inside), [toUInt32(0)], length(inside) > 100, arrayPushFront(arraySlice(inside, -99), inside[1]), inside) AS places,
            arrayMap(i -> starts[i], places) AS times,
            arrayMap(i -> touches_channel[i] != 'Direct', places) AS other
        FROM windowed
    ),
    weighed AS (
        SELECT *, length(places) AS n,
            if(has(other, true), arrayLastIndex(x -> x, other), n) AS last_other,
            if(has(other, true), arrayFirstIndex(x -> x, other), 1) AS first_other,
            -- The half-life is a week. Ages count from the newest touch: that changes no share and keeps the weights of old
            -- touches away from zero.
            arrayMap(t -> exp2((t - arrayMax(times)) / 604800000.), times) AS decayed
        FROM placed
    ),
    touched AS (
        SELECT value,
            arrayJoin(arrayMap((place, p, weight, weights) -> (
                place > 0,
                {{.Key}},
                {{.Filters}},
                [
                    toFloat64(p = n),
                    toFloat64(p = 1),
                    toFloat64(p = last_other),
                    toFloat64(p = first_other),
                    1. / n,
                    multiIf(n = 1, 1., n = 2, 0.5, p = 1 OR p = n, 0.4, 0.2 / (n - 2)),
                    weight / weights
                ]), places, arrayEnumerate(places), decayed, arrayWithConstant(n, arraySum(decayed)))) AS touch
        FROM weighed
    )
SELECT
    touch.2 AS key,
    sumForEach(touch.4) AS conversions,
    sumForEach(arrayMap(s -> s * value, touch.4)) AS value,
    sumForEachIf(touch.4, touch.1) AS attributed
FROM touched
WHERE touch.3
GROUP BY key
