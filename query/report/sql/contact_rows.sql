-- Contacts by id, whatever became of them.
SELECT id, is_deleted, redirect, email, phone, name, emails, phones, toUnixTimestamp64Milli(created_at), evidence_node,
    evidence_method, evidence_text, evidence_verified, arrayMap(t -> toUnixTimestamp64Milli(t), evidence_at)
FROM contacts
WHERE workspace = {workspace:UInt32} AND id IN (SELECT arrayJoin(arrayMap(x -> toFixedString(unhex(x), 16), {ids:Array(String)})))
ORDER BY version DESC
LIMIT 1 BY id
