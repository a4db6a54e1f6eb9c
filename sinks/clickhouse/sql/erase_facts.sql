-- Deletes what the conversions of some nodes were below a version.
DELETE FROM conversion_facts
WHERE workspace = {workspace:UInt32} AND version < {version:UInt64} AND has({nodes:Array(String)}, node)
