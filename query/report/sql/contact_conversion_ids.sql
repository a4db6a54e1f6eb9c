-- The conversions that belong, or once belonged, to some contacts.
SELECT DISTINCT id
FROM conversions
WHERE workspace = {workspace:UInt32}
    AND contact IN (SELECT arrayJoin(arrayMap(x -> toFixedString(unhex(x), 16), {contacts:Array(String)})))
