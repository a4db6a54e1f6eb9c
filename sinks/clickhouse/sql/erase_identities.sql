-- Deletes whose some nodes were before a version.
DELETE FROM identities
WHERE workspace = {workspace:UInt32} AND has({nodes:Array(String)}, node) AND version < {version:UInt64}
