-- The parts that conversions lie in at a moment. A part never changes: whatever is merged, deleted or altered gets one of another
-- name. The hash tells parts apart that were called the same in tables of the same name, one after the other.
SELECT name, hash_of_all_files AS hash, rows
FROM system.parts
WHERE database = currentDatabase() AND table = 'conversions' AND active AND {workspace:UInt32} >= 0
