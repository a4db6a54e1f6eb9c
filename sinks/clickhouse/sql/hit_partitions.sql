-- The partitions of the topic hits that have visitors. See rebuild_visitors.sql.
SELECT DISTINCT toInt32(bitAnd(kafkaMurmurHash(concat(toString(workspace), '/', visitor)), 0x7fffffff) % {partitions:Int32}) AS partition
FROM hits
WHERE {workspace:UInt32} = 0 OR workspace = {workspace:UInt32}
ORDER BY partition
