SELECT *
FROM conversions
WHERE workspace = {workspace:UInt32} AND at >= begins AND at <= last_event
ORDER BY version DESC, known_at DESC
LIMIT 1 BY at, id