-- Whose some node is now: the last contact of its newest row.
SELECT contacts[-1]
FROM (
    SELECT is_deleted, contacts FROM identities WHERE workspace = {workspace:UInt32} AND node = {node:String} ORDER BY version DESC LIMIT 1
)
WHERE is_deleted = 0 AND notEmpty(contacts)
