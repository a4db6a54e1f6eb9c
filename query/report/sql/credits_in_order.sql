-- The rows of conversions in the order of the table, what credits.sql gives of each: forth with all rows of those that changed since a
-- moment, for what each row changed of the one before; or back from a place, some at a time, the newest row of each first.
-- What a touch earns is the reader's to say (touches.go, shares.go).
--
-- That a contact came to be is left out unless it is asked for. A row that says deleted has no name.
SELECT
    toUnixTimestamp64Milli(at) AS happened, id, version, toUnixTimestamp64Milli(known_at) AS known,
    toUInt8(NOT deleted AND if({name:String} = '', name != 'contact', name = {name:String})) AS counted, value,
    toUnixTimestamp64Milli(identified_at) AS identified,
    arrayMap(t -> toUnixTimestamp64Milli(t), touches_at) AS starts, contact
{{- range .Columns}}, {{.}}{{end}}
{{- if .Exclusions}}, CAST(arrayMap(place -> {{.Exclusions}}, range(1, length(touches_at) + 1)), 'Array(UInt8)') AS left_out{{end}}
{{- if .Filtered}},
    -- Of every touch, and then of a conversion without one and of one whose touches are all excluded.
    CAST(arrayMap(place -> {{.Filters}}, arrayConcat(arrayMap(i -> toInt64(i), arrayEnumerate(touches_at)), [toInt64(0), toInt64(-1)])), 'Array(UInt8)') AS matched{{end}},
    name
{{- if .Since}}, cause,
    -- Whether it was moved in time, which makes it two conversions.
    toUInt8(id IN (SELECT id FROM conversions WHERE {{template "changed_since.sql"}} GROUP BY id HAVING min(at) != max(at))) AS moved{{end}}
FROM conversions
WHERE workspace = {workspace:UInt32}
    AND at >= fromUnixTimestamp64Milli({begin:Int64}, 'UTC') AND at < fromUnixTimestamp64Milli({end:Int64}, 'UTC')
    AND (name != 'contact' OR {name:String} = 'contact')
{{- if .Since}}
    AND (at, id) IN (SELECT at, id FROM conversions WHERE {{template "changed_since.sql"}})
ORDER BY at, id, version, known_at
{{- else}}
    AND known_at <= fromUnixTimestamp64Milli({as_of:Int64}, 'UTC')
    AND at <= fromUnixTimestamp64Milli({after_time:Int64}, 'UTC')
    AND (at < fromUnixTimestamp64Milli({after_time:Int64}, 'UTC') OR id < toFixedString(unhex({after_id:String}), 16))
{{- if .Narrowed}}
    -- Conversions of which any row has a touch with the key: others need not be read to see that they credit none.
    AND (at, id) IN (
        SELECT at, id FROM conversions
        WHERE workspace = {workspace:UInt32}
            AND at >= fromUnixTimestamp64Milli({begin:Int64}, 'UTC') AND at < fromUnixTimestamp64Milli({end:Int64}, 'UTC')
            AND at <= fromUnixTimestamp64Milli({after_time:Int64}, 'UTC') AND {{.Narrowed}})
{{- end}}
{{- if .First}}
    AND (at, id) IN ({{template "first_conversions.sql" .}})
{{- end}}
ORDER BY at DESC, id DESC, version DESC, known_at DESC
LIMIT {rows:UInt32}
{{- end}}
SETTINGS preferred_block_size_bytes = 16000000
