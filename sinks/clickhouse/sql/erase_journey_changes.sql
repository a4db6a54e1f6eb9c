-- Deletes the notes of days on which nothing of a browser stays: neither journeys nor sessions have anything to be told apart.
DELETE FROM journey_changes
WHERE workspace = {workspace:UInt32} AND visitor = {visitor:String}
    AND day NOT IN (SELECT day FROM sessions FINAL WHERE workspace = {workspace:UInt32} AND visitor = {visitor:String})
