-- The browsers that are a contact's, if only at times, with the times.
SELECT node, arrayMap(moment -> toUnixTimestamp64Milli(moment), since), contacts
FROM (
    SELECT node, is_deleted, since, contacts FROM identities
    WHERE workspace = {workspace:UInt32} AND startsWith(node, 'visitor:')
    ORDER BY version DESC
    LIMIT 1 BY node
)
WHERE is_deleted = 0 AND has(contacts, toFixedString(unhex({contact:String}), 16))
ORDER BY node
