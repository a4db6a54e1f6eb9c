-- About what there is ad cost in some days.
SELECT toString(day), source, medium, campaign
FROM ad_costs FINAL
WHERE workspace = {workspace:UInt32} AND day >= toDate32({from:String}) AND day <= toDate32({to:String})
