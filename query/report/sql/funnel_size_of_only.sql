-- How much of journeys is read of those who matter, up to a visitor's number.
SELECT count() AS size
FROM journeys
WHERE workspace = {workspace:UInt32} AND indexHint((month, build) IN {copies:Array(Tuple(UInt32, UInt64))})
    AND visitor <= {high:UInt64} AND {{if .Sessions}}session{{else}}visitor{{end}} IN (SELECT number FROM only)
SETTINGS use_index_for_in_with_subqueries = 0
