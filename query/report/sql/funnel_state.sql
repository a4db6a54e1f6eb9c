-- Of which parts journeys consists. Parts never change; whatever changes the table writes others, and no other copy has its number.
SELECT arrayStringConcat(arraySort(groupArray(name)), ',') AS state
FROM system.parts
WHERE database = currentDatabase() AND table = 'journeys' AND active
