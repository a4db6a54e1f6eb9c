-- All sessions of some browsers, oldest first.
SELECT session, visitor, toUnixTimestamp64Milli(started_at), toUnixTimestamp64Milli(ended_at), reason, channel, source, medium,
    campaign, content, term, landing_page, referrer, rule, list, click_ids, device, country, browser, items_at,
    arrayMap(x -> toInt32(x), items_type), items_url, items_title, items_name, items_click_id
FROM (
    SELECT *
    FROM sessions
    WHERE workspace = {workspace:UInt32} AND visitor IN {visitors:Array(String)}
    ORDER BY version DESC
    LIMIT 1 BY day, visitor, session
)
WHERE is_deleted = 0
ORDER BY started_at, session
