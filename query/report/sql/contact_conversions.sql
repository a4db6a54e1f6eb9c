-- Some conversions that stand, newest first, with first and last touch. That a contact came to be sorts last.
SELECT id, contact, name, provider, external_id, url, toUnixTimestamp64Milli(at), own_visitor, session, device, country, browser,
    referrer_chain, pages_before, seconds_on_site, return_visits, ends_at, ends
FROM (
    SELECT id, contact, name, provider, external_id, url, at, deleted, own_visitor, device, country, browser,
        referrer_chain, pages_before, seconds_on_site, return_visits,
        if(notEmpty(touches_session), touches_session[-1], toFixedString('', 16)) AS session,
        [toUnixTimestamp64Milli(touches_at[1]), toUnixTimestamp64Milli(touches_at[-1])] AS ends_at,
        arrayMap(i -> [touches_channel[i], touches_source[i], touches_medium[i], touches_campaign[i], touches_content[i],
            touches_term[i], touches_landing_page[i], touches_referrer[i], touches_rule[i]], [1, -1]) AS ends
    FROM conversions
    WHERE workspace = {workspace:UInt32}
        AND id IN (SELECT arrayJoin(arrayMap(x -> toFixedString(unhex(x), 16), {ids:Array(String)})))
    ORDER BY version DESC, known_at DESC
    LIMIT 1 BY at, id
)
WHERE NOT deleted
ORDER BY name != 'contact' DESC, at DESC, id DESC
