-- The properties of some hits.
SELECT id, properties
FROM hits
WHERE workspace = {workspace:UInt32}
    AND id IN (SELECT arrayJoin(arrayMap(x -> toFixedString(unhex(x), 16), {ids:Array(String)})))
ORDER BY version DESC
LIMIT 1 BY id
