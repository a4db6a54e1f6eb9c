-- What ads cost in some days, by source, medium, campaign, by how many of the settings' changes had come by the day, and by
-- whether filters and exclusions that can be asked here let it count.
SELECT source, medium, campaign, arrayCount(change -> change <= toString(day), {changes:Array(String)}) AS changed,
    ({{.Filters}}){{if .Exclusions}} AND NOT ({{.Exclusions}}){{end}} AS counted,
    toFloat64(sum(toInt128(micros))) / 1000000 AS cost
FROM ad_costs FINAL
WHERE workspace = {workspace:UInt32} AND day >= toDate32({from:String}) AND day <= toDate32({to:String})
GROUP BY source, medium, campaign, changed, counted
