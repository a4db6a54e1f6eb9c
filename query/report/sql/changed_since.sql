{{/* Which rows say that a conversion of the period changed since a moment. */ -}}
workspace = {workspace:UInt32} AND known_at > fromUnixTimestamp64Milli({since:Int64}, 'UTC')
        AND at >= fromUnixTimestamp64Milli({begin:Int64}, 'UTC') AND at < fromUnixTimestamp64Milli({end:Int64}, 'UTC')
