-- Some conversions as they stand. Where one moved to another time, what stood at the former is deleted under the same
-- version.
SELECT id, contact, name, toUnixTimestamp64Milli(at), value, currency, country, own_visitor, deleted
FROM conversions
WHERE workspace = {workspace:UInt32}
    AND id IN (SELECT arrayJoin(arrayMap(x -> toFixedString(unhex(x), 16), {ids:Array(String)})))
ORDER BY version DESC, deleted, known_at DESC
LIMIT 1 BY id
