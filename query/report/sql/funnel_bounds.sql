{window:Int64} AS window_ms,
    fromUnixTimestamp64Milli({begin:Int64}, 'UTC') AS begins,
    fromUnixTimestamp64Milli({end:Int64}, 'UTC') AS ends,
    fromUnixTimestamp64Milli({end:Int64} + {window:Int64}, 'UTC') AS last_event