-- The conversions of some contacts, newest first, with first and last touch.
WITH
    arrayMap(x -> toFixedString(unhex(x), 16), {ids:Array(String)}) AS asked,
    counted AS (
        SELECT *
        FROM (
            SELECT *
            FROM conversions
            WHERE workspace = {workspace:UInt32} AND id IN (
                SELECT id FROM conversions WHERE workspace = {workspace:UInt32} AND contact IN (SELECT arrayJoin(asked)))
            ORDER BY version DESC, known_at DESC
            LIMIT 1 BY at, id
        )
        WHERE NOT deleted AND has(asked, contact)
    ),
    told AS (
        SELECT id, message, state
        FROM conversion_facts
        WHERE workspace = {workspace:UInt32} AND id IN (
            SELECT id FROM conversions WHERE workspace = {workspace:UInt32} AND contact IN (SELECT arrayJoin(asked)))
        ORDER BY version DESC
        LIMIT 1 BY id
    )
SELECT
    c.id, c.contact, c.name, c.provider, c.external_id, c.url, toUnixTimestamp64Milli(c.at), t.message, t.state, c.own_visitor,
    if(notEmpty(c.touches_session), c.touches_session[-1], toFixedString('', 16)),
    c.device, c.country, c.browser, c.referrer_chain, c.pages_before, c.seconds_on_site, c.return_visits,
    arrayMap(i -> toUnixTimestamp64Milli(c.touches_at[i]), [1, -1]) AS ends_at,
    arrayMap(i -> [c.touches_channel[i], c.touches_source[i], c.touches_medium[i], c.touches_campaign[i], c.touches_content[i],
        c.touches_term[i], c.touches_landing_page[i], c.touches_referrer[i], c.touches_rule[i]], [1, -1]) AS ends
FROM counted AS c
LEFT JOIN told AS t ON t.id = c.id
ORDER BY c.name != 'contact' DESC, c.at DESC, c.id DESC
