-- Those of some contacts that live.
SELECT id, toUnixTimestamp64Milli(created_at), email != '', phone != ''
FROM (
    SELECT id, is_deleted, redirect, email, phone, created_at
    FROM contacts
    WHERE workspace = {workspace:UInt32}
        AND id IN (SELECT arrayJoin(arrayMap(x -> toFixedString(unhex(x), 16), {contacts:Array(String)})))
    ORDER BY version DESC
    LIMIT 1 BY id
)
WHERE is_deleted = 0 AND redirect = toFixedString('', 16)
