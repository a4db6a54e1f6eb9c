-- All conversions of a workspace before crediting.
SELECT id, name, provider, external_id, node, visitor, toUnixTimestamp64Milli(at), value, currency, url, page, message, state,
    deleted, toUnixTimestamp64Milli(updated), toUnixTimestamp64Milli(visitor_since), toUnixTimestamp64Milli(received)
FROM conversion_facts
WHERE workspace = {workspace:UInt32}
ORDER BY id, version DESC
LIMIT 1 BY id
