-- Whose first visit lies in a period: visitors, or contacts none of whose first browsers was there before. Of sessions, of which all
-- count that began in the period, the others that have something in it.
WITH
    fromUnixTimestamp64Milli({begin:Int64}, 'UTC') AS begins,
    fromUnixTimestamp64Milli({end:Int64}, 'UTC') AS ends
{{- if .Contacts}}
SELECT DISTINCT contacts[1] AS id
FROM identities FINAL
WHERE workspace = {workspace:UInt32} AND notEmpty(contacts) AND startsWith(node, 'visitor:') AND substring(node, 9) IN (
    SELECT visitor FROM sessions FINAL
    WHERE workspace = {workspace:UInt32} AND reason = 'first_hit' AND day <= toDate32(ends) AND started_at >= begins AND started_at < ends)
    AND contacts[1] NOT IN (
        SELECT contacts[1]
        FROM identities FINAL
        WHERE workspace = {workspace:UInt32} AND startsWith(node, 'visitor:') AND substring(node, 9) IN (
            SELECT visitor FROM sessions FINAL
            WHERE workspace = {workspace:UInt32} AND reason = 'first_hit' AND day <= toDate32(begins) AND started_at < begins))
{{- else if .Sessions}}
SELECT sipHash64(session) AS number
FROM sessions FINAL
WHERE workspace = {workspace:UInt32} AND day >= toDate32(begins) - 2 AND day <= toDate32(begins) AND started_at < begins AND ended_at >= begins
{{- else}}
SELECT visitor_number AS number
FROM sessions FINAL
WHERE workspace = {workspace:UInt32} AND reason = 'first_hit' AND day >= toDate32(begins) AND day <= toDate32(ends) AND started_at >= begins AND started_at < ends
{{- end}}
