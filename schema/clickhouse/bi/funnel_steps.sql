CREATE OR REPLACE VIEW {{.BI}}.funnel_steps (
    workspace UInt32 COMMENT 'the workspace that it belongs to',
    visitor_id String COMMENT 'the browser; empty for conversions in none',
    session_id String COMMENT 'the session; empty for conversions without one',
    at DateTime64(3, 'UTC') COMMENT 'when it happened',
    type String COMMENT 'pageview, event or conversion',
    name String COMMENT 'the event''s or the conversion''s name; empty for page views',
    url String COMMENT 'the page; empty for conversions',
    path String COMMENT 'its path',
    channel String COMMENT 'the session''s channel',
    source String COMMENT 'the session''s source',
    medium String COMMENT 'the session''s medium',
    campaign String COMMENT 'the session''s campaign',
    landing_page String COMMENT 'the session''s landing page',
    device String COMMENT 'the session''s device',
    country String COMMENT 'the session''s country'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS (
    SELECT workspace, visitor AS visitor_id, lower(hex(session)) AS session_id, started_at + toIntervalMillisecond(offset) AS at,
        toString(kind) AS type, toString(title) AS name, page AS url,
        if(path(page) = '' AND page != '', '/', path(page)) AS path, channel, source, medium, campaign, landing_page, device,
        country
    FROM {{.Database}}.sessions FINAL
    ARRAY JOIN items_at AS offset, items_type AS kind, items_name AS title, items_url AS page
    WHERE kind IN ('pageview', 'event')
    UNION ALL
    SELECT workspace, visitor_id, if(empty(touches), '', lower(hex(touches[-1].2))), at, 'conversion', name, '', '',
        if(empty(touches), 'Direct', toString(touches[-1].4)), if(empty(touches), 'direct', toString(touches[-1].5)), toString(touches[-1].6),
        toString(touches[-1].7), touches[-1].10, device, country
    FROM {{.Database}}.conversions_now
    WHERE name != 'contact'
)
COMMENT 'What funnels are made of: page views, events and conversions, one row each'
