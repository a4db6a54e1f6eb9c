-- The partitions of the table journeys, also those without a head.
SELECT DISTINCT toUInt32(splitByChar(',', trim(BOTH '()' FROM partition))[1]) AS month, toUInt64(splitByChar(',', trim(BOTH '()' FROM partition))[2]) AS build
FROM system.parts
WHERE database = currentDatabase() AND table = 'journeys' AND active
