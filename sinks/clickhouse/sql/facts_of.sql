-- The conversions that some nodes ever had.
SELECT DISTINCT id FROM conversion_facts WHERE workspace = {workspace:UInt32} AND has({nodes:Array(String)}, node) ORDER BY id
