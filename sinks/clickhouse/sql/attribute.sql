-- Computes the touches of some conversions and appends a row to conversions where the result differs from the newest,
-- or of all of them (anew). Parameters: workspace, version, anew. Tables that come with the statement:
--
--   asked  a row a conversion: what it is and whose. Where counts is false it counts for nobody, and what stands of it
--          becomes deleted.
--   looks  a row a conversion and browser that it looks at: the contact's, with the stretches in which each was whose,
--          and the one it happened in (own), whoever's that is; without owners where it was never the contact's.
--   causes why a contact is looked at. What moved away from a contact that is not there came by a merge, and what was not
--          known before became known.
INSERT INTO conversions (
    workspace, at, id, version, known_at, cause, deleted, fingerprint, name, provider, external_id, url, value, currency,
    contact, identified_at, has_email, has_phone, own_visitor, visitor, device, country, browser, os, referrer_chain, pages_before,
    seconds_on_site, return_visits, sessions_before, touches_at, touches_session, touches_visitor, touches_channel,
    touches_source, touches_medium, touches_campaign, touches_content, touches_term, touches_landing_page,
    touches_referrer, touches_rule, touches_device, touches_country, touches_browser
)
WITH
    toFixedString('', 16) AS nobody,

    begun AS (
        SELECT visitor, session, started, items_at, items_type,
            (started, session, visitor, channel, source, medium, campaign, content, term, landing_page, referrer, rule, device,
                country, browser, os, ended) AS touch
        FROM (
            SELECT visitor, session, is_deleted, toUnixTimestamp64Milli(started_at) AS started, toUnixTimestamp64Milli(ended_at) AS ended,
                channel, source, medium, campaign, content, term, landing_page, referrer, rule, device, country, browser, os, items_at,
                items_type
            FROM sessions
            WHERE workspace = {workspace:UInt32} AND visitor IN (SELECT visitor FROM looks)
            ORDER BY version DESC
            LIMIT 1 BY day, visitor, session
        )
        WHERE is_deleted = 0
    ),

    -- How each browser's sessions up to the conversion look to it: in its own browser, in the contact's stretch, which pages.
    seen AS (
        SELECT
            l.id AS id, b.started AS started, b.session AS session, b.touch AS touch, l.own AS own, empty(l.owners) AS foreign,
            l.owners[greatest(1, arrayLastIndex(s -> s <= b.started, l.since))] = l.contact AS mine,
            arrayCount(
                (offset, type) -> type = 'pageview' AND b.started + offset < l.happened AND (empty(l.owners) OR
                    l.owners[greatest(1, arrayLastIndex(s -> s <= b.started + offset, l.since))] = l.contact),
                b.items_at, b.items_type) AS pages
        FROM looks AS l
        INNER JOIN begun AS b ON b.visitor = l.visitor
        WHERE b.started <= l.happened
    ),

    -- The converting session is the last one of the conversion's own browser, else of any browser of the contact. It is
    -- the last touch, whoever its browser belonged to when it began. Where that browser was never the contact's, its pages
    -- count too.
    gathered AS (
        SELECT id, groupArray((touch, mine, pages, foreign)) AS all_seen,
            argMaxIf(session, (started, session), own) AS last_own,
            if(last_own != nobody, last_own, argMaxIf(session, (started, session), mine)) AS converting
        FROM seen
        GROUP BY id
    ),
    ordered AS (
        SELECT id,
            arraySort(t -> (t.2 = converting, t.1, t.2), arrayFilter((t, is_mine) -> is_mine OR t.2 = converting, all_seen.1, all_seen.2)) AS touches,
            arraySum((t, pages, foreign) -> if(foreign AND t.2 != converting, 0, pages), all_seen.1, all_seen.3, all_seen.4) AS pages
        FROM gathered
    ),

    -- At most the first and the last 99 touches of any lookback window are credited. Kept are the first of every window
    -- and the last 100, since the converting one, which is last, may have begun before the window.
    cut AS (
        SELECT a.id AS id, a.happened AS happened,
            (a.name, a.provider, a.external_id, a.url, a.value, a.currency, a.contact, a.has_email, a.has_phone, a.own, a.identified) AS fact,
            o.touches AS touches, toUInt32(o.pages) AS pages, toUInt32(length(touches)) AS total, touches[-1] AS last,
            arrayDistinct(arrayFilter(r -> r != '', touches.11)) AS referrer_chain,
            arraySum((begun, ended) -> ended - begun, touches.1, touches.17) / 1000 AS seconds_on_site,
            arrayMap(days -> arrayFirstIndex(start -> start >= happened - days * 86400000, touches.1), [1, 7, 14, 30, 60, 90, 180]) AS firsts,
            arrayFilter((t, i) -> i = 1 OR i > total - 100 OR has(firsts, i), touches, arrayEnumerate(touches)) AS kept
        FROM asked AS a
        LEFT JOIN ordered AS o ON o.id = a.id
        WHERE a.counts
    ),
    computed AS (
        SELECT *, greatest(1, sipHash64(fact, last, kept, referrer_chain, pages, seconds_on_site, total)) AS fingerprint
        FROM cut
    ),

    newest AS (
        SELECT id, toUnixTimestamp64Milli(at) AS happened, fingerprint, contact
        FROM conversions
        WHERE workspace = {workspace:UInt32} AND id IN (SELECT id FROM asked)
        ORDER BY version DESC, known_at DESC
        LIMIT 1 BY at, id
    )
SELECT
    {workspace:UInt32}, fromUnixTimestamp64Milli(happened, 'UTC'), id, {version:UInt64}, now64(3),
    multiIf(n.contact = nobody AND y.why != 'rule_change', 'conversion', y.why = '', 'merge', y.why), c.fingerprint = 0,
    c.fingerprint, c.fact.1, c.fact.2, c.fact.3, c.fact.4, c.fact.5, c.fact.6,
    if(c.fingerprint = 0, n.contact, c.fact.7), fromUnixTimestamp64Milli(c.fact.11, 'UTC'), c.fact.8, c.fact.9,
    if(c.fact.1 = 'contact', c.last.3, c.fact.10), c.last.3, c.last.13, c.last.14, c.last.15, c.last.16,
    c.referrer_chain, c.pages, c.seconds_on_site, greatest(c.total, 1) - 1, c.total,
    arrayMap(t -> fromUnixTimestamp64Milli(t.1, 'UTC'), c.kept), c.kept.2, c.kept.3, c.kept.4, c.kept.5, c.kept.6, c.kept.7,
    c.kept.8, c.kept.9, c.kept.10, c.kept.11, c.kept.12, c.kept.13, c.kept.14, c.kept.15
FROM computed AS c
FULL JOIN newest AS n USING (id, happened)
LEFT ANY JOIN causes AS y ON y.contact = if(c.fingerprint = 0, n.contact, c.fact.7)
WHERE {anew:Bool} OR c.fingerprint != n.fingerprint
