-- Deletes whose some nodes were below a version.
DELETE FROM identities
WHERE workspace = {workspace:UInt32} AND version < {version:UInt64} AND has({nodes:Array(String)}, node)
