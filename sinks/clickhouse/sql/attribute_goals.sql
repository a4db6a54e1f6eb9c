-- Where sessions of some browsers reach some goals: a row a goal and session, with the moments and hits, the first ones when
-- there are many. Parameters: workspace, visitors, and of each goal its type of hit, whether it looks at the path of an
-- address, its pattern, the moment since which it counts, and how many hits are wanted.
SELECT toUInt32(goal), visitor, session, arrayMap(i -> started + i.1, found), arrayMap(i -> i.2, found)
FROM (
    SELECT visitor, session, toUnixTimestamp64Milli(started_at) AS started, goal,
        arraySlice(arrayFilter(
            (item, type, url, name) -> type = {types:Array(String)}[goal] AND started + item.1 >= {froms:Array(Int64)}[goal] AND match(
                multiIf(type = 'event', name, NOT {paths:Array(Bool)}[goal], url, path(url) = '', '/', path(url)),
                {patterns:Array(String)}[goal]),
            arrayZip(items_at, items_hit), items_type, items_url, items_name), 1, {wanted:Array(UInt32)}[goal]) AS found
    FROM (
        SELECT visitor, session, is_deleted, started_at, items_at, items_hit, items_type, items_url, items_name
        FROM sessions
        WHERE workspace = {workspace:UInt32} AND visitor IN {visitors:Array(String)}
        ORDER BY version DESC
        LIMIT 1 BY day, visitor, session
    )
    ARRAY JOIN arrayEnumerate({types:Array(String)}) AS goal
    WHERE is_deleted = 0
)
WHERE notEmpty(found)
