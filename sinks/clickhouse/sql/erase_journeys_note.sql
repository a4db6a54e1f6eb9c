-- Notes the days on which sessions of a browser stay, whose rows in journeys are about to be deleted.
INSERT INTO journey_changes (workspace, noted, day, visitor)
SELECT DISTINCT workspace, now64(3, 'UTC'), day, visitor
FROM sessions FINAL
WHERE workspace = {workspace:UInt32} AND visitor = {visitor:String}
