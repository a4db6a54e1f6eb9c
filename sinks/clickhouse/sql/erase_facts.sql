-- Deletes what some conversions, and those of some nodes, were before a version.
DELETE FROM conversion_facts
WHERE workspace = {workspace:UInt32} AND version < {version:UInt64}
    AND (has({facts:Array(String)}, lower(hex(id))) OR has({changed:Array(String)}, lower(hex(id))) OR has({owned:Array(String)}, node))
