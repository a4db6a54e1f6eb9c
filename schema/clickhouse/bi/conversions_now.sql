-- The newest row of every conversion that counts: what the views about conversions are made of. Not for BI users.
CREATE OR REPLACE VIEW {{.Database}}.conversions_now AS
SELECT workspace, at, lower(hex(id)) AS conversion_id, row.1 AS name, row.2 AS provider, row.3 AS external_id, row.4 AS url, row.5 AS value,
    row.6 AS currency, lower(hex(row.7)) AS contact_id, row.8 AS visitor_id, row.9 AS device, row.10 AS country, row.11 AS browser,
    row.12 AS pages_before, row.13 AS seconds_on_site, row.14 AS return_visits, row.15 AS touches, row.16 AS deleted
FROM (
    SELECT workspace, at, id,
        argMax((name, provider, external_id, url, value, currency, contact, own_visitor, device, country, browser, pages_before,
            seconds_on_site, return_visits,
            arrayZip(touches_at, touches_session, touches_visitor, touches_channel, touches_source, touches_medium, touches_campaign,
                touches_content, touches_term, touches_landing_page, touches_referrer, touches_rule),
            deleted), (version, known_at)) AS row
    FROM {{.Database}}.conversions
    GROUP BY workspace, at, id
)
WHERE NOT deleted
