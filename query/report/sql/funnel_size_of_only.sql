-- How much of journeys is read of those who matter, up to a visitor's number.
SELECT count() AS size
FROM journeys
WHERE workspace = {workspace:UInt32} AND month IN {months:Array(UInt32)} AND build IN {builds:Array(UInt64)}
    AND visitor <= {high:UInt64} AND {{if .Sessions}}session{{else}}visitor{{end}} IN (SELECT number FROM only)
SETTINGS use_index_for_in_with_subqueries = 0
