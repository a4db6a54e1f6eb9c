-- On which hosts the tracker was heard since a moment, what it told of the Messenger there, and how far clocks were off.
SELECT domain(url) AS host, count(), toUnixTimestamp64Milli(max(received)), argMax(url, received),
    toUnixTimestamp64Milli(maxIf(received, type = 'leave')),
    toUnixTimestamp64Milli(maxIf(received, type = 'leave' AND JSONExtractString(properties, 'chat') = 'pushed')),
    toUnixTimestamp64Milli(maxIf(received, type = 'leave' AND JSONExtractString(properties, 'chat') = 'stub')),
    toUnixTimestamp64Milli(maxIf(received, type = 'leave' AND JSONExtractString(properties, 'chat') = 'throttled')),
    toUnixTimestamp64Milli(maxIf(received, type = 'event' AND name = 'chat_opened'))
FROM hits
WHERE workspace = {workspace:UInt32} AND received >= fromUnixTimestamp64Milli({since:Int64}, 'UTC')
GROUP BY host
ORDER BY max(received) DESC
LIMIT 50
