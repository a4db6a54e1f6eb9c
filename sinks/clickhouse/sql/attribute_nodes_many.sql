-- What attribute_nodes gives, for many contacts: it looks at every row once, instead of comparing each with every contact.
SELECT node, arrayMap(t -> toUnixTimestamp64Milli(t), since), contacts
FROM (
    SELECT node, is_deleted, since, contacts
    FROM identities
    WHERE workspace = {workspace:UInt32} AND node IN (
        SELECT node FROM identities ARRAY JOIN contacts AS contact
        WHERE workspace = {workspace:UInt32} AND contact IN (SELECT arrayJoin(arrayMap(x -> toFixedString(unhex(x), 16), {contacts:Array(String)}))))
    ORDER BY version DESC
    LIMIT 1 BY node
)
WHERE is_deleted = 0
