-- What the pipeline made of the hits: each once, and each in the session it belongs to.
SELECT
    (SELECT count() FROM (SELECT DISTINCT id FROM hits)) AS hits,
    (SELECT uniqExact(visitor) FROM hits) AS visitors,
    (SELECT sum(toInt64(toUnixTimestamp64Milli(at))) FROM hits FINAL) AS times,
    (SELECT sum(length(items_at)) FROM sessions FINAL) AS items,
    (SELECT count() FROM sessions FINAL) AS sessions,
    (SELECT count() FROM contacts FINAL WHERE redirect = toFixedString('', 16)) AS contacts
