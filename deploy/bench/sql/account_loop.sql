-- What the bare loop stored.
SELECT
    (SELECT count() FROM (SELECT DISTINCT id FROM hits)) AS hits,
    (SELECT uniqExact(visitor) FROM hits) AS visitors,
    (SELECT sum(toInt64(toUnixTimestamp64Milli(at))) FROM hits) AS times
