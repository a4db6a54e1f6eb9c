-- The same as credits.sql, of some parts and as of any moment, to be kept: the reader asks for the name and for what was known.
SELECT
    toUnixTimestamp64Milli(at) AS happened, id, version, toUnixTimestamp64Milli(known_at) AS known, toUInt8(NOT deleted) AS counted, value,
    toUnixTimestamp64Milli(identified_at) AS identified,
    arrayMap(t -> toUnixTimestamp64Milli(t), touches_at) AS starts
{{- if .Reached}}, contact{{end}}
{{- if .Browsers}}, arrayMap(v -> sipHash64(v), touches_visitor) AS browsers{{end}}
{{- range .Columns}}, {{.}}{{end}}, name
FROM conversions
WHERE workspace = {workspace:UInt32}
    AND at >= fromUnixTimestamp64Milli({begin:Int64}, 'UTC') AND at < fromUnixTimestamp64Milli({end:Int64}, 'UTC')
    AND _part IN {parts:Array(String)} AND (name != 'contact' OR {contacts:UInt8} = 1)
SETTINGS preferred_block_size_bytes = 16000000
