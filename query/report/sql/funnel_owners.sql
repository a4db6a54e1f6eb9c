-- Whose the browsers are, and since when.
SELECT sipHash64(substring(node, 9)) AS browser, arrayMap(t -> toUnixTimestamp64Milli(t), since) AS begins, contacts
FROM identities FINAL
WHERE workspace = {workspace:UInt32} AND startsWith(node, 'visitor:') AND notEmpty(since)
