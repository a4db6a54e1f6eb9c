CREATE OR REPLACE VIEW {{.BI}}.channel_daily (
    workspace UInt32 COMMENT 'the workspace that it belongs to',
    day Date COMMENT 'the day, in UTC',
    channel String COMMENT 'the channel',
    source String COMMENT 'the source',
    medium String COMMENT 'the medium',
    campaign String COMMENT 'utm_campaign',
    sessions UInt64 COMMENT 'sessions that began on the day, bots left out',
    visitors UInt64 COMMENT 'browsers among them; do not add these up over days',
    page_views UInt64 COMMENT 'page views in them',
    conversions UInt64 COMMENT 'conversions on the day whose last touch this was; without those named contact',
    value Float64 COMMENT 'what they are worth'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS (
    SELECT u.workspace AS workspace, u.day AS day, u.channel AS channel, u.source AS source, u.medium AS medium,
        u.campaign AS campaign, sum(u.is_session) AS sessions, uniqExactIf(u.visitor, u.is_session = 1) AS visitors,
        sum(u.views) AS page_views, sum(u.is_conversion) AS conversions, sum(u.worth) AS value
    FROM (
        SELECT workspace, toDate(started_at, 'UTC') AS day, toString(channel) AS channel, toString(source) AS source, toString(medium) AS medium,
            toString(campaign) AS campaign, toUInt8(1) AS is_session, visitor, toUInt64(page_views) AS views, toUInt8(0) AS is_conversion, 0. AS worth
        FROM {{.Database}}.sessions FINAL
        WHERE NOT bot
        UNION ALL
        SELECT workspace, toDate(at, 'UTC'), if(empty(touches), 'Direct', toString(touches[-1].4)), if(empty(touches), 'direct', toString(touches[-1].5)),
            toString(touches[-1].6), toString(touches[-1].7), 0, '', 0, 1, value
        FROM {{.Database}}.conversions_now
        WHERE name != 'contact'
    ) AS u
    GROUP BY u.workspace, u.day, u.channel, u.source, u.medium, u.campaign
)
COMMENT 'Sessions and last-touch conversions by day and campaign'
