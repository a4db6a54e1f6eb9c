CREATE OR REPLACE VIEW {{.BI}}.conversions (
    workspace UInt32 COMMENT 'the workspace that it belongs to',
    conversion_id String COMMENT 'its id',
    name String COMMENT 'intercom_conversation, hubspot_conversation, contact, a goal, or what a server called it',
    at DateTime64(3, 'UTC') COMMENT 'when it happened',
    contact_id String COMMENT 'whose it is',
    value Float64 COMMENT 'what it is worth',
    currency String COMMENT 'of the value, ISO 4217',
    touches UInt64 COMMENT 'how many sessions led to it',
    first_channel String COMMENT 'channel of the first touch',
    first_source String COMMENT 'source of the first touch',
    first_medium String COMMENT 'medium of the first touch',
    first_campaign String COMMENT 'campaign of the first touch',
    first_landing_page String COMMENT 'landing page of the first touch',
    last_channel String COMMENT 'channel of the last touch',
    last_source String COMMENT 'source of the last touch',
    last_medium String COMMENT 'medium of the last touch',
    last_campaign String COMMENT 'campaign of the last touch',
    last_landing_page String COMMENT 'landing page of the last touch',
    device String COMMENT 'of the converting session',
    country String COMMENT 'of the converting session, ISO 3166-1 alpha-2',
    browser String COMMENT 'of the converting session',
    pages_before UInt32 COMMENT 'page views of the contact before it',
    seconds_on_site Float64 COMMENT 'seconds that the contact was on the site before it',
    return_visits UInt32 COMMENT 'sessions of the contact up to it, less one'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS (
    SELECT n.workspace AS workspace, n.conversion_id AS conversion_id, n.name AS name, n.at AS at, n.contact_id AS contact_id,
        n.value AS value, n.currency AS currency, length(n.touches) AS touches,
        if(empty(n.touches), 'Direct', n.touches[1].4) AS first_channel,
        if(empty(n.touches), 'direct', n.touches[1].5) AS first_source, n.touches[1].6 AS first_medium,
        n.touches[1].7 AS first_campaign, n.touches[1].10 AS first_landing_page,
        if(empty(n.touches), 'Direct', n.touches[-1].4) AS last_channel,
        if(empty(n.touches), 'direct', n.touches[-1].5) AS last_source, n.touches[-1].6 AS last_medium,
        n.touches[-1].7 AS last_campaign, n.touches[-1].10 AS last_landing_page, n.device AS device, n.country AS country,
        n.browser AS browser, n.pages_before AS pages_before, n.seconds_on_site AS seconds_on_site,
        n.return_visits AS return_visits
    FROM {{.Database}}.conversions_now AS n
)
COMMENT 'Conversions that count, one row each; becoming a contact is one, named contact'
