fromUnixTimestamp64Milli({begin:Int64}, 'UTC') AS begins,
    fromUnixTimestamp64Milli({end:Int64} + {window:Int64}, 'UTC') AS last_event