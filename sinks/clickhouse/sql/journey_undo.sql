-- Deletes one day of a copy that is under way.
DELETE FROM journeys
WHERE month = {month:UInt32} AND build = {build:UInt64} AND day = {day:Date32}
