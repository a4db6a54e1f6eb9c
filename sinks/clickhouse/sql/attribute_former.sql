-- The browsers in which some conversions happened, as far as anybody ever knew.
SELECT DISTINCT own_visitor
FROM conversions
WHERE workspace = {workspace:UInt32} AND own_visitor != ''
    AND id IN (SELECT arrayJoin(arrayMap(x -> toFixedString(unhex(x), 16), {ids:Array(String)})))
