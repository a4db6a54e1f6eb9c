-- All rows of the conversions that changed since a moment, in their order, without what they say of touches.
SELECT
    toUnixTimestamp64Milli(at) AS happened, id, version, toUnixTimestamp64Milli(known_at) AS known,
    toUInt8(NOT deleted AND if({name:String} = '', name != 'contact', name = {name:String})) AS counted, contact, name, cause
FROM conversions
WHERE workspace = {workspace:UInt32}
    AND at >= fromUnixTimestamp64Milli({begin:Int64}, 'UTC') AND at < fromUnixTimestamp64Milli({end:Int64}, 'UTC')
    AND (name != 'contact' OR {name:String} = 'contact')
    AND (at, id) IN (SELECT at, id FROM conversions WHERE {{template "changed_since.sql"}})
ORDER BY at, id, version, known_at
