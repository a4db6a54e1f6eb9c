-- The live contacts that have some of the nodes.
SELECT id, nodes
FROM (
    SELECT id, nodes, redirect, is_deleted
    FROM contacts
    WHERE workspace = {workspace:UInt32}
    ORDER BY version DESC
    LIMIT 1 BY id
)
WHERE is_deleted = 0 AND redirect = toFixedString('', 16) AND hasAny(nodes, {nodes:Array(String)})
