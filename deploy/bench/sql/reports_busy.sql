-- Sessions that another workspace writes while the first is asked: copies of those of some visitors, from {from} up to {to} of them.
INSERT INTO sessions (
    workspace, day, visitor, session, version, is_deleted, started_at, ended_at, reason, channel, source, medium, campaign, landing_page, device, country,
    browser, page_views, events, items_at, items_type, items_url, items_title, items_name, items_click_id, items_hit
)
SELECT
    2, day, visitor, session, {from:UInt64} + 2, 0, started_at, ended_at, reason, channel, source, medium, campaign, landing_page, device, country,
    browser, page_views, events, items_at, items_type, items_url, items_title, items_name, items_click_id, items_hit
FROM sessions
WHERE workspace = 1
LIMIT {to:UInt64} - {from:UInt64}
