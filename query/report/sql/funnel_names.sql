-- What items are, of those that were copied, and of conversions.
SELECT DISTINCT item, concat(if(kind = 'pageview', 'p', 'e'), text) AS label
FROM journey_items
WHERE workspace = {workspace:UInt32} AND item IN {items:Array(UInt64)}
UNION ALL
SELECT DISTINCT CAST(bitOr(bitAnd(sipHash64(name), bitNot(toUInt64(3))), 3), 'UInt64') AS item, concat('c', name) AS label
FROM conversions
WHERE workspace = {workspace:UInt32} AND item IN {items:Array(UInt64)}
    AND at >= fromUnixTimestamp64Milli({begin:Int64}, 'UTC') AND at <= fromUnixTimestamp64Milli({end:Int64} + {window:Int64}, 'UTC')
