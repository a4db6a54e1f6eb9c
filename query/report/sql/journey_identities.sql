-- Whose some browsers are, and those that were ever linked to some contacts, and since when.
SELECT node, arrayMap(t -> toUnixTimestamp64Milli(t), since), contacts
FROM (
    SELECT node, is_deleted, since, contacts
    FROM identities
    WHERE workspace = {workspace:UInt32} AND (node IN {nodes:Array(String)} OR node IN (
        SELECT node FROM identities
        WHERE workspace = {workspace:UInt32} AND startsWith(node, 'visitor:')
            AND hasAny(contacts, arrayMap(x -> toFixedString(unhex(x), 16), {contacts:Array(String)}))))
    ORDER BY version DESC
    LIMIT 1 BY node
)
WHERE is_deleted = 0
