-- The next visitors of one partition of the topic hits, with how many hits they have. The partition is that of the key
-- "workspace/visitor" under Kafka's default partitioner.
SELECT workspace, visitor, count() AS hits
FROM hits
WHERE ({workspace:UInt32} = 0 OR workspace = {workspace:UInt32})
    AND (workspace, visitor) > ({after_workspace:UInt32}, {after_visitor:String})
    AND bitAnd(kafkaMurmurHash(concat(toString(workspace), '/', visitor)), 0x7fffffff) % {partitions:Int32} = {partition:Int32}
GROUP BY workspace, visitor
HAVING countIf(toUnixTimestamp64Milli(at) >= {from:Int64} AND ({to:Int64} = 0 OR toUnixTimestamp64Milli(at) < {to:Int64})) > 0
ORDER BY workspace, visitor
LIMIT {limit:UInt32}
