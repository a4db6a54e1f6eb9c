-- The visitors or sessions that some numbers are of, with their visitor: of sessions of some days, or of conversions at some times.
SELECT DISTINCT number, id, browser
FROM (
    SELECT sipHash64({{if .Sessions}}session{{else}}visitor{{end}}) AS number, {{if .Sessions}}UUIDNumToString(session){{else}}visitor{{end}} AS id, visitor AS browser
    FROM sessions
    WHERE workspace = {workspace:UInt32} AND day IN {days:Array(Date32)} AND number IN {numbers:Array(UInt64)}
    UNION ALL
    SELECT sipHash64({{if .Sessions}}touches_session[-1]{{else}}own_visitor{{end}}) AS number,
        {{if .Sessions}}UUIDNumToString(touches_session[-1]){{else}}own_visitor{{end}} AS id, own_visitor AS browser
    FROM conversions
    WHERE workspace = {workspace:UInt32} AND at >= fromUnixTimestamp64Milli(arrayMin({times:Array(Int64)}), 'UTC') AND at <= fromUnixTimestamp64Milli(arrayMax({times:Array(Int64)}), 'UTC') AND has({times:Array(Int64)}, toUnixTimestamp64Milli(at)) AND number IN {numbers:Array(UInt64)}{{if .Sessions}} AND notEmpty(touches_session){{end}}
)
