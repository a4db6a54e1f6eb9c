-- Deletes what a browser's sessions were before a version.
DELETE FROM sessions
WHERE workspace = {workspace:UInt32} AND visitor = {visitor:String} AND version < {version:UInt64}
