-- Deletes a browser's hits that arrived by a moment and happened in some stretches, and some by their ids.
DELETE FROM hits
WHERE workspace = {workspace:UInt32} AND visitor = {visitor:String} AND toUnixTimestamp64Milli(received) <= {until:Int64}
    AND (arrayExists((begin, end) -> toUnixTimestamp64Milli(at) >= begin AND toUnixTimestamp64Milli(at) < end, {begins:Array(Int64)}, {ends:Array(Int64)})
        OR has({ids:Array(String)}, lower(hex(id))))
