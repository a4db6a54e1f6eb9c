-- Whose the browsers are that were ever linked to a contact, and since when.
SELECT node, arrayMap(t -> toUnixTimestamp64Milli(t), since), contacts
FROM (
    SELECT node, is_deleted, since, contacts
    FROM identities
    WHERE workspace = {workspace:UInt32} AND (node IN {nodes:Array(String)} OR node IN (
        SELECT node FROM identities
        WHERE workspace = {workspace:UInt32} AND startsWith(node, 'visitor:') AND has(contacts, toFixedString(unhex({contact:String}), 16))))
    ORDER BY version DESC
    LIMIT 1 BY node
)
WHERE is_deleted = 0
