{{/* Which rows of conversions were known at a moment; in a replay one row stands for each of some conversions. */ -}}
{{if .Replayed}}(known_at <= fromUnixTimestamp64Milli({as_of:Int64}, 'UTC')
            AND (at, id) NOT IN (SELECT fromUnixTimestamp64Milli(happened, 'UTC'), id FROM replayed)
        OR (at, id, version, known_at) IN (
            SELECT fromUnixTimestamp64Milli(happened, 'UTC'), id, version, fromUnixTimestamp64Milli(known, 'UTC') FROM replayed))
{{- else}}known_at <= fromUnixTimestamp64Milli({as_of:Int64}, 'UTC'){{end}}
