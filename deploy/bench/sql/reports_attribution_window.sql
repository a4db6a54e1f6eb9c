-- The baseline of attribution: the credits of nine models by one dimension, from sessions, browsers and conversions, by window
-- functions. The lookback is 90 days; a conversion without a touch is Direct.
WITH
    asked AS (
        SELECT id, at, visitor, contact, value
        FROM plain.conversions
        WHERE workspace = 1 AND at >= fromUnixTimestamp64Milli({begin:Int64}, 'UTC') AND at < fromUnixTimestamp64Milli({end:Int64}, 'UTC')
    ),
    looks AS (
        SELECT c.id AS id, c.at AS happened, c.value AS value, b.visitor AS visitor, b.visitor = c.visitor AS own, b.identified_at AS identified_at
        FROM asked AS c
        INNER JOIN plain.browsers AS b ON b.contact = c.contact
    ),
    begun AS (
        SELECT l.id AS id, l.happened AS happened, l.value AS value, l.identified_at AS identified_at, s.at AS at, s.session AS session, s.{{.Dimension}} AS key, s.channel AS channel,
            l.own AS own, maxIf(s.at, l.own) OVER (PARTITION BY l.id) AS converted
        FROM plain.sessions AS s
        INNER JOIN looks AS l ON l.visitor = s.visitor
        WHERE s.workspace = 1 AND s.at <= l.happened
    ),
    numbered AS (
        SELECT *, toInt64(row_number() OVER (PARTITION BY id ORDER BY own AND at = converted, at, session)) AS place,
            toInt64(count() OVER (PARTITION BY id)) AS places, max(at) OVER (PARTITION BY id) AS newest
        FROM begun
        WHERE at >= happened - toIntervalDay(90)
    ),
    -- The first and the last 99.
    capped AS (
        SELECT id, at, key, channel, value, identified_at, newest, least(places, 100) AS n, if(place = 1, 1, place - places + n) AS p
        FROM numbered
        WHERE place = 1 OR place > places - 99
    ),
    placed AS (
        SELECT *,
            maxIf(p, channel != 'Direct') OVER (PARTITION BY id) AS last_other, minIf(p, channel != 'Direct') OVER (PARTITION BY id) AS first_other,
            exp2(dateDiff('millisecond', newest, at) / 604800000.) AS weight, sum(weight) OVER (PARTITION BY id) AS weights,
            maxIf(p, at <= identified_at) OVER (PARTITION BY id) AS knew
        FROM capped
    ),
    shared AS (
        SELECT *, n - length(arrayDistinct(arrayFilter(i -> i > 0, [1, knew, n]))) AS rest, (0.3 * (knew = 0) + 0.1 * (rest = 0)) / n AS all3,
            (0.225 * (knew = 0) + 0.225 + 0.1 * (rest = 0)) / n AS all4
        FROM placed
    ),
    credited AS (
        SELECT key, value, [
            toFloat64(p = n), toFloat64(p = 1), toFloat64(p = if(last_other = 0, n, last_other)), toFloat64(p = if(first_other = 0, 1, first_other)), 1 / n,
            multiIf(n = 1, 1., n = 2, 0.5, p = 1 OR p = n, 0.4, 0.2 / (n - 2)), weight / weights,
            0.3 * (p = 1) + 0.3 * (p = knew) + 0.3 * (p = n) + if(p IN (1, knew, n), 0., 0.1 / rest) + all3,
            0.225 * (p = 1) + 0.225 * (p = knew) + 0.225 * (p = n) + if(p IN (1, knew, n), 0., 0.1 / rest) + all4] AS shares
        FROM shared
        UNION ALL
        SELECT '{{.Direct}}', value, arrayWithConstant(9, 1.) FROM asked WHERE id NOT IN (SELECT id FROM numbered)
    )
SELECT key, sumForEach(shares), sumForEach(arrayMap(s -> s * value, shares))
FROM credited
GROUP BY key
-- The order in which the tables are joined is the one written: reordered, it took a minute instead of a second.
SETTINGS query_plan_optimize_join_order_limit = 1
