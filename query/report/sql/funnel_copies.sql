-- Which copies of sessions the table journeys has.
SELECT month, build, day, covers, toUnixTimestamp64Milli(noted) AS noted, rows
FROM journeys
WHERE workspace = 0 AND item = 0
