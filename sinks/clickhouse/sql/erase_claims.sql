-- Deletes what was claimed of some nodes below a version.
DELETE FROM claims
WHERE workspace = {workspace:UInt32} AND version < {version:UInt64} AND hasAny(nodes, {nodes:Array(String)})
