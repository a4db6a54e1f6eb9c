-- The conversions of a period with the touches that may share them, everything that was ever written of each: the reader takes the
-- newest of each (at, id), and shares the credit among the touches (touches.go, shares.go). Arithmetic in the statement took
-- longer to plan than all of this takes to read.
--
-- That a contact came to be is left out here unless it is asked for; any other name is asked of the newest row only, since a row
-- that says deleted has none.
SELECT
    toUnixTimestamp64Milli(at) AS happened, id, version, toUnixTimestamp64Milli(known_at) AS known,
    toUInt8(NOT deleted AND if({name:String} = '', name != 'contact', name = {name:String})) AS counted, value,
    toUnixTimestamp64Milli(identified_at) AS identified,
    arrayMap(t -> toUnixTimestamp64Milli(t), touches_at) AS starts
{{- if .Reached}}, contact{{end}}
{{- if .Browsers}}, arrayMap(v -> sipHash64(v), touches_visitor) AS browsers{{end}}
{{- range .Columns}}, {{.}}{{end}}
{{- if .Exclusions}}, CAST(arrayMap(place -> {{.Exclusions}}, range(1, length(touches_at) + 1)), 'Array(UInt8)') AS left_out{{end}}
{{- if .Filtered}},
    -- Of every touch, and then of a conversion without one and of one whose touches are all excluded.
    CAST(arrayMap(place -> {{.Filters}}, arrayConcat(arrayMap(i -> toInt64(i), arrayEnumerate(touches_at)), [toInt64(0), toInt64(-1)])), 'Array(UInt8)') AS matched{{end}}
FROM conversions
WHERE workspace = {workspace:UInt32}
    AND at >= fromUnixTimestamp64Milli({begin:Int64}, 'UTC') AND at < fromUnixTimestamp64Milli({end:Int64}, 'UTC')
    AND {{template "known.sql" .}}
    AND (name != 'contact' OR {name:String} = 'contact')
{{- if .First}}
    AND (at, id) IN ({{template "first_conversions.sql" .}})
{{- end}}
-- Every block brings the texts that its touches have: few large ones bring most of them once.
SETTINGS preferred_block_size_bytes = 16000000
