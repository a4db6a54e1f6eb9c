{{/* Of which sessions a statement counts: those of the workspace that began in the period and match the filters. */ -}}
workspace = {workspace:UInt32}
        AND day >= toDate32(fromUnixTimestamp64Milli({begin:Int64}, 'UTC')) AND day <= toDate32(fromUnixTimestamp64Milli({end:Int64}, 'UTC'))
        AND started_at >= fromUnixTimestamp64Milli({begin:Int64}, 'UTC') AND started_at < fromUnixTimestamp64Milli({end:Int64}, 'UTC')
        AND ({{.Filters}}){{if .Exclusions}} AND NOT ({{.Exclusions}}){{end}}
