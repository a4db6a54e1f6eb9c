-- The conversions that some nodes tell of, and those that belonged to some contacts when they were last computed.
SELECT id FROM conversion_facts WHERE workspace = {workspace:UInt32} AND node IN {nodes:Array(String)}
UNION DISTINCT
SELECT id FROM conversions
WHERE workspace = {workspace:UInt32}
    AND contact IN (SELECT arrayJoin(arrayMap(x -> toFixedString(unhex(x), 16), {contacts:Array(String)})))
