-- How statements about credits begin: the conversions of a period with the places of the touches that share each, in order.
-- A conversion without a touch has one at place 0, which is Direct, and one whose touches are all excluded, at place -1.
--
-- Every step is a table expression of its own that names what it made: an alias that is used where it is defined is
-- written out at every use before anything is planned, which took longer than the report.
WITH
    newest AS (
        SELECT deleted, name, at, value{{if .Each}}, contact, id{{end}}, touches_at, touches_channel{{range .Columns}}, {{.}}{{end}}
        FROM conversions
        WHERE workspace = {workspace:UInt32}
            AND at >= fromUnixTimestamp64Milli({begin:Int64}, 'UTC') AND at < fromUnixTimestamp64Milli({end:Int64}, 'UTC')
{{if .First}}            AND (at, id) IN ({{template "first_conversions.sql" .}})
{{end}}            AND {{template "known.sql" .}}
        -- In the order of the table, so that nothing but the versions of one conversion is sorted.
        ORDER BY at, id, version DESC, known_at DESC
        LIMIT 1 BY at, id
    ),
    windowed AS (
        SELECT *, toUnixTimestamp64Milli(at) AS happened, arrayMap(t -> toUnixTimestamp64Milli(t), touches_at) AS starts,
            arrayFilter(i -> {lookback:Int64} = 0 OR starts[i] >= happened - {lookback:Int64} * 86400000, arrayMap(i -> toInt32(i), arrayEnumerate(starts))) AS inside
        FROM newest
        -- The name is asked of the newest rows only: a row that says deleted has none.
        WHERE NOT deleted AND if({name:String} = '', name != 'contact', name = {name:String})
    ),
    -- The first and the last 99 of the window.
    capped AS (
        SELECT *, if(length(inside) > 100, arrayPushFront(arraySlice(inside, -99), inside[1]), inside) AS counted
        FROM windowed
    ),
    remaining AS (
        SELECT *, {{if .Exclusions}}arrayFilter(place -> NOT ({{.Exclusions}}), counted){{else}}counted{{end}} AS remain
        FROM capped
    ),
    placed AS (
        SELECT *, if(empty(remain), [if(empty(counted), toInt32(0), toInt32(-1))], remain) AS places
        FROM remaining
    )
