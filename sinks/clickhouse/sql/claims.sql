-- All claims of a workspace.
SELECT id, nodes, verified, toUnixTimestamp64Milli(at), evidence, method, name, toUnixTimestamp64Milli(received), bond
FROM claims
WHERE workspace = {workspace:UInt32}
ORDER BY id, version DESC
LIMIT 1 BY id
