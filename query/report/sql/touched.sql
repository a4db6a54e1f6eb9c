-- How they go on: every touch with its keys, whether it matches the filters, and its share under every model.
    timed AS (
        SELECT {{if .Reached}}p.{{end}}*, length(places) AS n,
            arrayMap(i -> starts[i], places) AS times,
            arrayMap(i -> touches_channel[i] != 'Direct', places) AS other{{if .Reached}}, r.progressed AS progressed{{else}}, toInt64(0) AS progressed{{end}}
        FROM placed{{if .Reached}} AS p LEFT ANY JOIN reached AS r ON r.contact = p.contact{{end}}
    ),
    -- The touch of a milestone is the last one that had begun by then, 0 for none.
    weighed AS (
        SELECT *,
            if(has(other, true), arrayLastIndex(x -> x, other), n) AS last_other,
            if(has(other, true), arrayFirstIndex(x -> x, other), 1) AS first_other,
            -- The half-life is a week. Ages count from the newest touch: that changes no share and keeps the weights of old
            -- touches away from zero.
            arrayMap(t -> exp2((t - arrayMax(times)) / 604800000.), times) AS decayed,
            arrayLastIndex(t -> t <= identified, times) AS knew,
            if(progressed = 0, 0, arrayLastIndex(t -> t <= progressed, times)) AS moved
        FROM timed
    ),
    -- What is left of the shaped models: to each touch of no milestone, and, where there is none of those or a milestone
    -- has no touch, to every one.
    shaped AS (
        SELECT *, arraySum(decayed) AS weights,
            n - length(arrayDistinct(arrayFilter(i -> i > 0, [1, knew, n]))) AS rest3,
            n - length(arrayDistinct(arrayFilter(i -> i > 0, [1, knew, moved, n]))) AS rest4,
            (0.3 * (knew = 0) + 0.1 * (rest3 = 0)) / n AS all3,
            (0.225 * (knew = 0) + 0.225 * (moved = 0) + 0.1 * (rest4 = 0)) / n AS all4
        FROM weighed
    ),
    touched AS (
        SELECT value{{if .Each}}, id, contact, happened, name{{end}}{{if .Since}}, sign, why{{end}},
            arrayJoin(arrayMap((place, p, weight) -> (
                place > 0,
                {{.Key}},
                {{.Second}},
                {{.Filters}},
                [
                    toFloat64(p = n),
                    toFloat64(p = 1),
                    toFloat64(p = last_other),
                    toFloat64(p = first_other),
                    1. / n,
                    multiIf(n = 1, 1., n = 2, 0.5, p = 1 OR p = n, 0.4, 0.2 / (n - 2)),
                    weight / weights,
                    0.3 * (p = 1) + 0.3 * (p = knew) + 0.3 * (p = n) + if(p = 1 OR p = knew OR p = n, 0., 0.1 / rest3) + all3,
                    0.225 * (p = 1) + 0.225 * (p = knew) + 0.225 * (p = moved) + 0.225 * (p = n)
                        + if(p = 1 OR p = knew OR p = moved OR p = n, 0., 0.1 / rest4) + all4
                ]), places, arrayEnumerate(places), decayed)) AS touch
        FROM shaped
    )
