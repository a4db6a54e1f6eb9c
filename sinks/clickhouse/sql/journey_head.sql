-- Makes a copy stand: what it covers, and how much it is.
INSERT INTO journeys (month, build, workspace, item, visitor, moment, session, day, covers, noted, rows)
SELECT {month:UInt32}, {build:UInt64}, 0, 0, 0, 0, 0, {day:Date32}, {covers:Date32}, fromUnixTimestamp64Milli({noted:Int64}, 'UTC'), count()
FROM journeys
WHERE month = {month:UInt32} AND build = {build:UInt64}
SETTINGS max_threads = 1
