-- What every visitor, or session, did that a funnel looks at, of those who did a step by which they may enter: lists in no order,
-- which the reader sorts and walks along (funnelwalk.go). As a fold in the statement that took longer to plan than all of this
-- takes to read. A session's items are looked at where they lie, as arrays: taken apart into rows they took five times as long.
--
-- Times are doubled, and those of conversions one more: at equal times these come last. The other events are in order by the
-- hit's id, and conversions by theirs.
WITH
    {{template "funnel_bounds.sql" .}}
SELECT groupArrayArray(ts) AS times, groupArrayArray(hs) AS ties, groupArrayArray(ms) AS masks
{{- if .Exclusions}}, groupArrayArray(ss) AS stops{{end}}
{{- if .Breakdown}}, CAST(groupArrayArray(ks), 'Array(LowCardinality(String))') AS entries{{end}}
FROM (
    SELECT entity,
{{- if .Exclusions}}
        arrayMap(offset -> 2 * (started + offset), arrayFilter((o, m, s) -> m != 0 OR s != 0, items_at, all_masks, all_stops)) AS ts,
        arrayFilter((h, m, s) -> m != 0 OR s != 0, items_hit, all_masks, all_stops) AS hs,
        arrayFilter((m, s) -> m != 0 OR s != 0, all_masks, all_stops) AS ms,
        arrayFilter((s, m) -> m != 0 OR s != 0, all_stops, all_masks) AS ss
{{- else}}
        arrayMap(offset -> 2 * (started + offset), arrayFilter((o, m) -> m != 0, items_at, all_masks)) AS ts,
        arrayFilter((h, m) -> m != 0, items_hit, all_masks) AS hs,
        arrayFilter(m -> m != 0, all_masks) AS ms
{{- end}}
{{- if .Breakdown}}, arrayWithConstant(length(ms), key) AS ks{{end}}
    FROM (
        SELECT {{.ItemEntity}} AS entity, toUnixTimestamp64Milli(started_at) AS started, items_at, items_hit, {{.SessionKey}} AS key,
{{- if .Exclusions}}
            arrayMap((offset, type, url, name, hit, page) ->
                if(started + offset >= {begin:Int64} AND started + offset < {end:Int64} + {window:Int64} + 1, toUInt16({{.ItemStop}}), toUInt16(0)),
                items_at, items_type, items_url, items_name, items_hit, pages) AS all_stops,
{{- end}}
            arrayMap((offset, type, url, name, hit, page) ->
                if(started + offset >= {begin:Int64} AND started + offset < {end:Int64} + {window:Int64} + 1, toUInt16({{.ItemMask}}), toUInt16(0)),
                items_at, items_type, items_url, items_name, items_hit, pages) AS all_masks
        FROM (
            SELECT *, arrayMap(u -> if(path(u) = '', '/', path(u)), items_url) AS pages
            FROM sessions FINAL
            WHERE workspace = {workspace:UInt32} AND day <= toDate32(last_event) AND started_at <= last_event AND ended_at >= begins
        ) AS s
    )
    WHERE notEmpty(ms)
{{- if .Conversions}}
    UNION ALL
    SELECT {{.ConversionEntity}} AS entity, [2 * toUnixTimestamp64Milli(at) + 1], [id], [toUInt16({{.ConversionMask}}) AS mask]
{{- if .Exclusions}}, [toUInt16({{.ConversionStop}}) AS stop]{{end}}
{{- if .Breakdown}}, [{{.ConversionKey}}]{{end}}
    FROM (
        {{template "funnel_conversions.sql" .}}
    )
    WHERE NOT deleted AND (mask != 0{{if .Exclusions}} OR stop != 0{{end}}) AND ({{.ConversionCounts}})
{{- end}}
)
GROUP BY entity
HAVING bitAnd(groupBitOrArray(ms), {{.EntryMask}}) != 0
