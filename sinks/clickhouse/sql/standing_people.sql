-- Some contacts: who they are, and whose part one became.
SELECT id, is_deleted, redirect, email, phone, name, nodes FROM contacts
WHERE workspace = {workspace:UInt32} AND id IN (SELECT arrayJoin(arrayMap(x -> toFixedString(unhex(x), 16), {contacts:Array(String)})))
ORDER BY version DESC
LIMIT 1 BY id
