-- The conversions behind one, in the order of time and id.
SELECT DISTINCT toUnixTimestamp64Milli(at) AS happened, id FROM conversions
WHERE workspace = {workspace:UInt32} AND at >= fromUnixTimestamp64Milli({after:Int64}, 'UTC')
    AND (toUnixTimestamp64Milli(at), id) > ({after:Int64}, toFixedString(unhex({id:String}), 16))
ORDER BY happened, id
LIMIT {limit:UInt32}
