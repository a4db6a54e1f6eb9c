-- Deletes what some claims, and those that name some nodes, were before a version.
DELETE FROM claims
WHERE workspace = {workspace:UInt32} AND version < {version:UInt64}
    AND (has({claims:Array(String)}, lower(hex(id))) OR hasAny(nodes, {known:Array(String)}))
