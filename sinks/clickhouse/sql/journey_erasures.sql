-- How often somebody was erased from journeys, and when last: see erase_journeys_mark.sql.
SELECT count(), toUInt64(toUnixTimestamp64Milli(max(noted)))
FROM journey_changes
WHERE workspace = 0
