-- Copies the sessions that began on one day into journeys. Of items at one time those at their session's very start come last,
-- since a session that began before has its others. See query/report/funnelrow.go.
INSERT INTO journeys (month, build, workspace, item, visitor, moment, session, day,
    channel, source, medium, campaign, content, term, landing_page, referrer, device, country, browser)
SELECT toYYYYMM(day), {build:UInt64}, workspace, done.1, sipHash64(visitor), done.2, sipHash64(session), day,
    channel, source, medium, campaign, content, term, landing_page, referrer, device, country, browser
FROM (
    SELECT s.*, toUnixTimestamp64Milli(started_at) AS started,
        arrayJoin(arrayFilter(d -> d.1 != 0, arrayMap((offset, again, type, url, name) -> (
            multiIf(
                type = 'pageview', bitOr(bitAnd(sipHash64(if(path(url) = '', '/', path(url))), bitNot(toUInt64(3))), 1),
                type = 'event', bitOr(bitAnd(sipHash64(name), bitNot(toUInt64(3))), 2),
                0),
            bitShiftLeft(toUInt64(started + offset), 22) + if(offset = 0, 2097152, 0) + bitShiftLeft(bitAnd(sipHash64(session), 1023), 11) + toUInt64(least(again - 1, 1023))),
            items_at, arrayEnumerateUniq(items_at), items_type, items_url, items_name))) AS done
    FROM sessions AS s FINAL
    WHERE day = {day:Date32}
)
-- It takes one thread, and sorts and stores some ten megabytes at a time: nobody waits for it.
SETTINGS max_threads = 1, max_insert_threads = 1, max_block_size = 8192, min_insert_block_size_rows = 262144, min_insert_block_size_bytes = 67108864
