-- On which hosts the tracker was heard since a moment, and what it told of the Messenger there. domain() knows no host
-- without a dot, which sites inside of a network have. Who looked at a page for less than five seconds may have left
-- before the Messenger's script came.
SELECT lower(extract(url, '^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?(\\[[^\\]]*\\]|[^:/?#]+)')) AS host,
    count(), toUnixTimestamp64Milli(max(received)), argMax(url, received),
    toUnixTimestamp64Milli(maxIf(received, type = 'leave')),
    toUnixTimestamp64Milli(maxIf(received, type = 'leave' AND JSONExtractString(properties, 'chat') = 'pushed')),
    toUnixTimestamp64Milli(maxIf(received, type = 'leave' AND JSONExtractString(properties, 'chat') = 'stub'
        AND JSONExtractInt(properties, 'engaged_ms') >= 5000)),
    toUnixTimestamp64Milli(maxIf(received, type = 'leave' AND JSONExtractString(properties, 'chat') = 'throttled')),
    toUnixTimestamp64Milli(maxIf(received, type = 'event' AND name = 'chat_opened'))
FROM hits
WHERE workspace = {workspace:UInt32} AND received >= fromUnixTimestamp64Milli({since:Int64}, 'UTC')
GROUP BY host
HAVING host != ''
ORDER BY max(received) DESC
LIMIT 50
