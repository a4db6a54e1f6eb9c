CREATE OR REPLACE VIEW {{.BI}}.conversations (
    workspace UInt32 COMMENT 'the workspace that it belongs to',
    conversion_id String COMMENT 'its id as a conversion',
    provider String COMMENT 'intercom or hubspot',
    conversation_id String COMMENT 'the provider''s id of it',
    url String COMMENT 'opens it in the provider',
    state String COMMENT 'open, closed or snoozed, as far as the provider told',
    at DateTime64(3, 'UTC') COMMENT 'when it began',
    contact_id String COMMENT 'whose it is',
    page String COMMENT 'where the visitor was',
    channel String COMMENT 'channel of the last touch',
    source String COMMENT 'source of the last touch',
    medium String COMMENT 'medium of the last touch',
    campaign String COMMENT 'campaign of the last touch',
    landing_page String COMMENT 'landing page of the last touch'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS (
    SELECT n.workspace AS workspace, n.conversion_id AS conversion_id, n.provider AS provider, n.external_id AS conversation_id,
        n.url AS url, f.state AS state, n.at AS at, n.contact_id AS contact_id, f.page AS page,
        if(empty(n.touches), 'Direct', n.touches[-1].4) AS channel, if(empty(n.touches), 'direct', n.touches[-1].5) AS source,
        n.touches[-1].6 AS medium, n.touches[-1].7 AS campaign, n.touches[-1].10 AS landing_page
    FROM {{.Database}}.conversions_now AS n
    LEFT JOIN (
        SELECT workspace, lower(hex(id)) AS conversion_id, state, page FROM {{.Database}}.conversion_facts FINAL
    ) AS f ON f.workspace = n.workspace AND f.conversion_id = n.conversion_id
    WHERE n.provider != ''
)
COMMENT 'Conversations of contacts with an email or a phone, one row each'
