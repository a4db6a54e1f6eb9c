-- What happened that a funnel looks at, as a table of events: the beginning of every statement about one.
--
-- An event is (time, tie, mask, stop, key, extra). Events are in order by time, then by the hit's id, of a contact by the
-- browser's number before; conversions come last, by their id. Bit k-1 of the mask says that it is what step k asks for; bit k-1 of stop says that whoever got to step k and
-- no further goes no further: an excluded event, or under the strict order any.
WITH
    {{template "funnel_bounds.sql" .}},
    toFixedString('', 16) AS nobody,
{{- if .Contacts}}
    people AS (
        SELECT id
        FROM contacts FINAL
        WHERE workspace = {workspace:UInt32} AND redirect = nobody
            AND (email != '' OR phone != '' OR arrayExists(n -> startsWith(n, 'user:'), nodes))
    ),
{{- end}}
    events AS (
        SELECT entity, (happened, tie, mask, stop, key, extra) AS event
        FROM (
            SELECT
                toUnixTimestamp64Milli(started_at) AS started,
                arrayJoin(arrayFilter(e -> e.3 != 0 OR e.4 != 0{{if .Stream}} OR e.5 != ''{{end}}, arrayMap((offset, type, url, name, hit) ->
                    (started + offset, hit, toUInt16({{.ItemMask}}), toUInt16({{.ItemStop}}), {{if .Stream}}{{.ItemLabel}}{{else}}''{{end}}),
                    items_at, items_type, items_url, items_name, items_hit))) AS item,
                item.1 AS happened,
                {{if .Contacts}}concat(char(bitShiftRight(sipHash64(s.visitor), 62), bitAnd(bitShiftRight(sipHash64(s.visitor), 54), 255)), item.2){{else}}concat(item.2, ''){{end}} AS tie, item.3 AS mask, item.4 AS stop,
                {{.ItemEntity}} AS entity,
                {{.SessionKey}} AS key,
                {{if .Stream}}item.5{{else}}''{{end}} AS extra
            FROM sessions AS s FINAL
{{- if .Contacts}}
            INNER JOIN (
                SELECT substring(node, 9) AS browser, since, contacts
                FROM identities FINAL
                WHERE workspace = {workspace:UInt32} AND startsWith(node, 'visitor:')
            ) AS i ON i.browser = s.visitor
{{- end}}
            WHERE workspace = {workspace:UInt32} AND day <= toDate32(last_event) AND started_at <= last_event AND ended_at >= begins
        )
        WHERE happened >= {begin:Int64} AND happened < {end:Int64} + {window:Int64} + 1
{{- if .Contacts}}
            AND entity IN (SELECT id FROM people)
{{- end}}
        UNION ALL
        SELECT {{.ConversionEntity}} AS entity,
            (toUnixTimestamp64Milli(at), concat(repeat('\xff', 16), id), toUInt16({{.ConversionMask}}) AS mask, toUInt16({{.ConversionStop}}) AS stop,
                {{.ConversionKey}}, {{if .Stream}}concat('c', name){{else}}''{{end}})
        FROM (
            {{template "funnel_conversions.sql" .}}
        )
        WHERE NOT deleted AND ({{if .Stream}}true{{else}}mask != 0 OR stop != 0{{end}}) AND ({{.ConversionCounts}})
    )
