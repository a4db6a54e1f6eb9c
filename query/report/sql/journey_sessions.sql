-- All sessions of some browsers.
SELECT session, visitor, toUnixTimestamp64Milli(started_at), toUnixTimestamp64Milli(ended_at), reason, channel, source, medium,
    campaign, content, term, landing_page, referrer, rule, list, click_ids, device, country, browser, items_at,
    arrayMap(x -> toInt32(x), items_type), items_url, items_title, items_name, items_click_id
FROM (
    SELECT session, visitor, started_at, ended_at, is_deleted, reason, channel, source, medium, campaign, content, term, landing_page,
        referrer, rule, list, click_ids, device, country, browser, items_at, items_type, items_url, items_title, items_name,
        items_click_id
    FROM sessions
    WHERE workspace = {workspace:UInt32} AND visitor IN {visitors:Array(String)}
    ORDER BY version DESC
    LIMIT 1 BY day, visitor, session
)
WHERE is_deleted = 0
