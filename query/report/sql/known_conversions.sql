-- Which of some conversions are there, and which of these are somebody's with an email or a phone.
SELECT external_id, id IN (
    SELECT id FROM (
        SELECT id, deleted FROM conversions
        WHERE workspace = {workspace:UInt32} AND id IN (SELECT arrayJoin(arrayMap(x -> toFixedString(unhex(x), 16), {ids:Array(String)})))
        ORDER BY version DESC, known_at DESC
        LIMIT 1 BY id
    ) WHERE NOT deleted
)
FROM (
    SELECT id, external_id, deleted FROM conversion_facts
    WHERE workspace = {workspace:UInt32} AND id IN (SELECT arrayJoin(arrayMap(x -> toFixedString(unhex(x), 16), {ids:Array(String)})))
    ORDER BY version DESC
    LIMIT 1 BY id
)
WHERE NOT deleted
