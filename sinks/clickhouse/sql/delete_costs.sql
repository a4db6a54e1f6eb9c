DELETE FROM ad_costs
WHERE workspace = {workspace:UInt32} AND day >= toDate32({from:String}) AND day <= toDate32({to:String})
    AND ({source:String} = '' OR source = {source:String})
