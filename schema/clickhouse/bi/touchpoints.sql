CREATE OR REPLACE VIEW {{.BI}}.touchpoints (
    workspace UInt32 COMMENT 'the workspace that it belongs to',
    conversion_id String COMMENT 'the conversion that it led to',
    conversion_name String COMMENT 'that conversion''s name',
    conversion_at DateTime64(3, 'UTC') COMMENT 'when that happened',
    contact_id String COMMENT 'whose it is',
    position UInt32 COMMENT 'its place among the touches, from 1',
    touches UInt32 COMMENT 'how many touches there are',
    at DateTime64(3, 'UTC') COMMENT 'when the session began',
    session_id String COMMENT 'the session',
    visitor_id String COMMENT 'the browser',
    channel String COMMENT 'the channel',
    source String COMMENT 'the source',
    medium String COMMENT 'the medium',
    campaign String COMMENT 'utm_campaign',
    content String COMMENT 'utm_content',
    term String COMMENT 'utm_term',
    landing_page String COMMENT 'address of the first page',
    referrer String COMMENT 'external referrer, or empty',
    rule String COMMENT 'which rule gave the channel',
    is_first Bool COMMENT 'whether it is the first touch',
    is_last Bool COMMENT 'whether it is the last touch',
    linear_share Float64 COMMENT 'its share when all touches earn alike; the shares of a conversion sum to 1',
    value Float64 COMMENT 'that share of the conversion''s value'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS (
    SELECT n.workspace AS workspace, n.conversion_id AS conversion_id, n.name AS conversion_name, n.at AS conversion_at,
        n.contact_id AS contact_id, toUInt32(position) AS position, toUInt32(length(n.touches)) AS touches, touch.1 AS at,
        lower(hex(touch.2)) AS session_id, touch.3 AS visitor_id, touch.4 AS channel, touch.5 AS source, touch.6 AS medium,
        touch.7 AS campaign, touch.8 AS content, touch.9 AS term, touch.10 AS landing_page, touch.11 AS referrer,
        touch.12 AS rule, toBool(position = 1) AS is_first, toBool(position = length(n.touches)) AS is_last,
        1 / length(n.touches) AS linear_share, n.value / length(n.touches) AS value
    FROM {{.Database}}.conversions_now AS n
    ARRAY JOIN n.touches AS touch, arrayEnumerate(n.touches) AS position
)
COMMENT 'The sessions that led to conversions, one row a session and conversion; all lookbacks, the first and the last hundred of long journeys'
