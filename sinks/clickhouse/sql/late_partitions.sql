-- The partitions of the topic hits with visitors that wait for their sessions to be derived anew. See rebuild_visitors.sql.
SELECT DISTINCT toInt32(bitAnd(kafkaMurmurHash(concat(toString(workspace), '/', visitor)), 0x7fffffff) % {partitions:Int32}) AS partition
FROM late_visitors FINAL
WHERE {workspace:UInt32} = 0 OR workspace = {workspace:UInt32}
ORDER BY partition
