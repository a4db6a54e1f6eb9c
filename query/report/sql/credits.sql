-- Credits of all models at once, by one key of the credited touch. One row a key: conversions and value by model, in
-- the order last touch, first touch, last non-direct, first non-direct, linear, position-based, time decay.
-- A further model that needs nothing but a conversion's touches is one more element of shares.
WITH
    86400000. AS day_ms,
    7 * day_ms AS half_life,
    newest AS (
        SELECT *
        FROM conversions
        WHERE workspace = {workspace:UInt32}
            AND at >= fromUnixTimestamp64Milli({begin:Int64}, 'UTC') AND at < fromUnixTimestamp64Milli({end:Int64}, 'UTC')
            AND known_at <= fromUnixTimestamp64Milli({as_of:Int64}, 'UTC')
        ORDER BY version DESC, known_at DESC
        LIMIT 1 BY at, id
    ),
    touched AS (
        SELECT
            toUnixTimestamp64Milli(at) AS happened, value,
            arrayMap(t -> toUnixTimestamp64Milli(t), touches_at) AS starts,
            arrayFilter(i -> {lookback:Int64} = 0 OR starts[i] >= happened - {lookback:Int64} * 86400000, arrayEnumerate(starts)) AS inside,
            -- The first and the last 99 of the window.
            if(length(inside) > 100, arrayPushFront(arraySlice(inside, -99), inside[1]), inside) AS places,
            arrayMap(i -> touches_channel[i] != 'Direct', places) AS other,
            length(places) AS n,
            if(has(other, true), arrayLastIndex(x -> x, other), n) AS last_other,
            if(has(other, true), arrayFirstIndex(x -> x, other), 1) AS first_other,
            -- Ages count from the newest touch: that changes no share and keeps the weights of old touches away from zero.
            arrayMap(i -> exp2(-(arrayMax(starts) - starts[i]) / half_life), places) AS decayed,
            arraySum(decayed) AS all_decayed,
            arrayMap((i, p) -> (
                i,
                [
                    toFloat64(p = n),
                    toFloat64(p = 1),
                    toFloat64(p = last_other),
                    toFloat64(p = first_other),
                    1. / n,
                    multiIf(n = 1, 1., n = 2, 0.5, p = 1 OR p = n, 0.4, 0.2 / (n - 2)),
                    decayed[p] / all_decayed
                ] :: Array(Float64)), places, arrayEnumerate(places)) AS shares,
            -- A conversion without a touch is Direct.
            arrayJoin(if(empty(shares), [(toUInt32(0), arrayWithConstant(7, 1.) :: Array(Float64))], shares)) AS share,
            share.1 AS place,
            place > 0 AS attributed,
            {{.Key}} AS key
        FROM newest
        -- The name is asked of the newest rows only: a row that says deleted has none.
        WHERE NOT deleted AND if({name:String} = '', name != 'contact', name = {name:String}) AND ({{.Filters}})
    )
SELECT
    key,
    sumForEach(share.2) AS conversions,
    sumForEach(arrayMap(s -> s * value, share.2)) AS value,
    sumForEachIf(share.2, attributed) AS attributed
FROM touched
GROUP BY key
