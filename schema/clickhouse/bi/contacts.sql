CREATE OR REPLACE VIEW {{.BI}}.contacts (
    workspace UInt32 COMMENT 'the workspace that it belongs to',
    contact_id String COMMENT 'its id, as in the address of its page',
    created_at DateTime64(3, 'UTC') COMMENT 'when it was first identified',
    has_email Bool COMMENT 'whether an email is known; the email itself is in contact_details',
    has_phone Bool COMMENT 'whether a phone is known',
    conversions UInt64 COMMENT 'how many conversions it has',
    value Float64 COMMENT 'what they are worth together',
    last_conversion_at Nullable(DateTime64(3, 'UTC')) COMMENT 'when the newest of them happened',
    first_channel String COMMENT 'channel of the first touch',
    first_source String COMMENT 'source of the first touch',
    first_medium String COMMENT 'medium of the first touch',
    first_campaign String COMMENT 'campaign of the first touch',
    first_landing_page String COMMENT 'landing page of the first touch',
    last_channel String COMMENT 'channel of the newest conversion''s last touch',
    last_source String COMMENT 'source of the newest conversion''s last touch',
    last_medium String COMMENT 'medium of the newest conversion''s last touch',
    last_campaign String COMMENT 'campaign of the newest conversion''s last touch',
    last_landing_page String COMMENT 'landing page of the newest conversion''s last touch',
    country String COMMENT 'ISO 3166-1 alpha-2, of the newest conversion''s session',
    device String COMMENT 'desktop, mobile or tablet, of the newest conversion''s session'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS (
    SELECT c.workspace AS workspace, c.contact_id AS contact_id, c.created_at AS created_at, c.has_email AS has_email,
        c.has_phone AS has_phone, v.conversions AS conversions, v.value AS value,
        if(v.conversions = 0, NULL, v.newest_at) AS last_conversion_at,
        if(empty(v.touches), 'Direct', v.touches[1].4) AS first_channel,
        if(empty(v.touches), 'direct', v.touches[1].5) AS first_source, v.touches[1].6 AS first_medium,
        v.touches[1].7 AS first_campaign, v.touches[1].10 AS first_landing_page,
        if(empty(v.touches), 'Direct', v.touches[-1].4) AS last_channel,
        if(empty(v.touches), 'direct', v.touches[-1].5) AS last_source, v.touches[-1].6 AS last_medium,
        v.touches[-1].7 AS last_campaign, v.touches[-1].10 AS last_landing_page, v.country AS country, v.device AS device
    FROM (
        SELECT workspace, lower(hex(id)) AS contact_id, created_at, toBool(email != '') AS has_email, toBool(phone != '') AS has_phone
        FROM {{.Database}}.contacts FINAL
        WHERE redirect = toFixedString('', 16) AND (email != '' OR phone != '')
    ) AS c
    LEFT JOIN (
        SELECT workspace, contact_id, countIf(name != 'contact') AS conversions, sumIf(n.value, name != 'contact') AS value,
            maxIf(at, name != 'contact') AS newest_at, argMax(n.touches, (name != 'contact', at)) AS touches,
            argMax(n.country, (name != 'contact', at)) AS country, argMax(n.device, (name != 'contact', at)) AS device
        FROM {{.Database}}.conversions_now AS n
        GROUP BY workspace, contact_id
    ) AS v ON v.workspace = c.workspace AND v.contact_id = c.contact_id
)
COMMENT 'People who gave an email or a phone, one row each'
