CREATE OR REPLACE VIEW {{.BI}}.sessions (
    workspace UInt32 COMMENT 'the workspace that it belongs to',
    session_id String COMMENT 'its id',
    visitor_id String COMMENT 'the browser that it happened in',
    contact_id String COMMENT 'whose the browser was when it began; empty for nobody known',
    started_at DateTime64(3, 'UTC') COMMENT 'its first hit',
    ended_at DateTime64(3, 'UTC') COMMENT 'its last hit',
    reason String COMMENT 'why it began: first_hit, timeout, attribution, midnight',
    channel String COMMENT 'the channel',
    source String COMMENT 'the source',
    medium String COMMENT 'the medium',
    campaign String COMMENT 'utm_campaign',
    content String COMMENT 'utm_content',
    term String COMMENT 'utm_term',
    landing_page String COMMENT 'address of its first page',
    exit_page String COMMENT 'address of its last page',
    referrer String COMMENT 'external referrer, or empty',
    rule String COMMENT 'which rule gave the channel',
    device String COMMENT 'desktop, mobile, tablet or bot',
    country String COMMENT 'ISO 3166-1 alpha-2, or empty',
    browser String COMMENT 'name of the browser',
    os String COMMENT 'operating system',
    bot Bool COMMENT 'whether a bot began it; reports leave these out',
    page_views UInt32 COMMENT 'page views in it',
    events UInt32 COMMENT 'custom events in it',
    seconds Float64 COMMENT 'from the first hit to the last'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS (
    SELECT s.workspace AS workspace, lower(hex(s.session)) AS session_id, s.visitor AS visitor_id,
        if(empty(i.contacts), '', lower(hex(i.contacts[greatest(1, arrayLastIndex(t -> t <= s.started_at, i.since))]))) AS contact_id,
        s.started_at AS started_at, s.ended_at AS ended_at, s.reason AS reason, s.channel AS channel, s.source AS source,
        s.medium AS medium, s.campaign AS campaign, s.content AS content, s.term AS term, s.landing_page AS landing_page,
        s.exit_page AS exit_page, s.referrer AS referrer, s.rule AS rule, s.device AS device, s.country AS country,
        s.browser AS browser, s.os AS os, s.bot AS bot, s.page_views AS page_views, s.events AS events,
        (toUnixTimestamp64Milli(s.ended_at) - toUnixTimestamp64Milli(s.started_at)) / 1000 AS seconds
    FROM (
        SELECT workspace, session, visitor, started_at, ended_at, reason, channel, source, medium, campaign, content, term, landing_page,
            exit_page, referrer, rule, device, country, browser, os, bot, page_views, events
        FROM {{.Database}}.sessions FINAL
    ) AS s
    LEFT JOIN (
        SELECT workspace, substring(node, 9) AS visitor, since, contacts FROM {{.Database}}.identities FINAL WHERE startsWith(node, 'visitor:')
    ) AS i ON i.workspace = s.workspace AND i.visitor = s.visitor
)
COMMENT 'Sessions with their source, one row each'
