-- Deletes what contacts with some ids or nodes were below a version.
DELETE FROM contacts
WHERE workspace = {workspace:UInt32} AND version < {version:UInt64}
    AND (has({contacts:Array(String)}, lower(hex(id))) OR hasAny(nodes, {nodes:Array(String)}))
