-- What became of a contact: itself, or the one that it is part of, and its nodes.
SELECT redirect, nodes
FROM (
    SELECT is_deleted, redirect, nodes FROM contacts
    WHERE workspace = {workspace:UInt32} AND id = toFixedString(unhex({contact:String}), 16) ORDER BY version DESC LIMIT 1
)
WHERE is_deleted = 0
