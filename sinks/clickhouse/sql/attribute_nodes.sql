-- The nodes that belong, or belonged in some stretch, to some contacts, with all their stretches: newest rows that stand.
SELECT node, arrayMap(t -> toUnixTimestamp64Milli(t), since), contacts
FROM (
    SELECT node, is_deleted, since, contacts
    FROM identities
    WHERE workspace = {workspace:UInt32} AND node IN (
        SELECT node FROM identities
        WHERE workspace = {workspace:UInt32} AND hasAny(contacts, arrayMap(x -> toFixedString(unhex(x), 16), {contacts:Array(String)})))
    ORDER BY version DESC
    LIMIT 1 BY node
)
WHERE is_deleted = 0
