-- Whose some nodes are, and since when.
SELECT node, arrayMap(t -> toUnixTimestamp64Milli(t), since), contacts
FROM (
    SELECT node, is_deleted, since, contacts
    FROM identities
    WHERE workspace = {workspace:UInt32} AND node IN {nodes:Array(String)}
    ORDER BY version DESC
    LIMIT 1 BY node
)
WHERE is_deleted = 0
