-- What is there of ad cost, by month, source and medium, the newest month first.
SELECT formatDateTime(toDate(day), '%Y-%m') AS month, source, medium, toString(min(day)) AS first, toString(max(day)) AS last,
    count() AS entries, uniqExact(campaign) AS campaigns, toFloat64(sum(toInt128(micros))) / 1000000 AS cost,
    sum(clicks) AS clicked, sum(impressions) AS shown, any(currency) AS paid_in, toInt64(intDiv(max(version), 1000)) AS uploaded
FROM ad_costs FINAL
WHERE workspace = {workspace:UInt32}
GROUP BY month, source, medium
ORDER BY month DESC, cost DESC, source, medium
LIMIT {limit:UInt32}
