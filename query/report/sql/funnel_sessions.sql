-- The same from sessions: of those days that were not copied, and of whom changed since. A session's items are looked at where they
-- lie, as arrays: taken apart into rows they took five times as long.
WITH
    {{template "funnel_bounds.sql" .}}
SELECT sipHash64(visitor) AS browser, done.1 AS moment, done.2 AS mask
{{- if .Sessions}}, sipHash64(session) AS of_session{{end}}
{{- if .Exclusions}}, done.3 AS stop{{end}}
{{- if .Breakdown}}, key AS entry{{end}}
{{- if .Stream}}, CAST(done.4, 'UInt64') AS item{{end}}
FROM (
    SELECT visitor, session, key, arrayJoin(arrayFilter(d -> {{if .Stream}}d.4 != 0{{else}}d.2 != 0{{if .Exclusions}} OR d.3 != 0{{end}}{{end}}, arrayMap((offset, again, mask, stop{{if .Stream}}, type, page, name{{end}}) -> (
            bitShiftLeft(toUInt64(started + offset), 22) + if(offset = 0, 2097152, 0) + bitShiftLeft(bitAnd(sipHash64(session), 1023), 11) + toUInt64(least(again - 1, 1023)),
            mask, stop{{if .Stream}}, multiIf(started + offset < {begin:Int64} OR started + offset >= {end:Int64} + {window:Int64} + 1, 0,
                type = 'pageview', bitOr(bitAnd(sipHash64(page), bitNot(toUInt64(3))), 1), type = 'event', bitOr(bitAnd(sipHash64(name), bitNot(toUInt64(3))), 2), 0){{end}}),
        items_at, arrayEnumerateUniq(items_at), masks, stops{{if .Stream}}, items_type, pages, items_name{{end}}))) AS done
    FROM (
        SELECT visitor, session, toUnixTimestamp64Milli(started_at) AS started, items_at,{{if .Stream}} items_type, items_name, pages,{{end}}
            {{if .Breakdown}}CAST({{.SessionKey}}, 'LowCardinality(String)'){{else}}''{{end}} AS key,
            arrayMap((offset, type, url, name, hit, page) ->
                if(started + offset >= {begin:Int64} AND started + offset < {end:Int64} + {window:Int64} + 1, toUInt16({{.ItemMask}}), toUInt16(0)),
                items_at, items_type, items_url, items_name, items_hit, pages) AS masks,
{{- if .Exclusions}}
            arrayMap((offset, type, url, name, hit, page) ->
                if(started + offset >= {begin:Int64} AND started + offset < {end:Int64} + {window:Int64} + 1, toUInt16({{.ItemStop}}), toUInt16(0)),
                items_at, items_type, items_url, items_name, items_hit, pages) AS stops
{{- else}}
            masks AS stops
{{- end}}
        FROM (
            SELECT *, arrayMap(u -> if(path(u) = '', '/', path(u)), items_url) AS pages
            FROM sessions FINAL
            WHERE workspace = {workspace:UInt32} AND day <= toDate32(last_event) AND started_at <= last_event AND ended_at >= begins
                AND ({{.Uncopied}}{{if .Changed}} OR (day, visitor) IN (SELECT day, visitor FROM changed){{end}})
        ) AS s
    )
    WHERE {{if .Stream}}true{{else}}arrayExists(m -> m != 0, masks){{end}}{{if .Exclusions}} OR arrayExists(m -> m != 0, stops){{end}}
)
