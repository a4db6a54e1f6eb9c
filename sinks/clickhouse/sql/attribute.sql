-- Computes the touches of the conversions of some contacts, or of a whole workspace, and appends a row to conversions
-- where the result differs from the newest. Parameters: workspace, contacts (ids in hexadecimal), everybody, version.
--
-- contacts must hold every contact that a conversion may have moved from or to; a conversion that belongs to a contact
-- which was not asked for is left alone.
INSERT INTO conversions (
    workspace, at, id, version, known_at, deleted, fingerprint, name, provider, external_id, url, value, currency,
    contact, has_email, has_phone, own_visitor, visitor, device, country, browser, os, referrer_chain, pages_before,
    seconds_on_site, return_visits, sessions_before, touches_at, touches_session, touches_visitor, touches_channel,
    touches_source, touches_medium, touches_campaign, touches_content, touches_term, touches_landing_page,
    touches_referrer, touches_rule, touches_device, touches_country, touches_browser
)
WITH
    arrayMap(hexadecimal -> toFixedString(unhex(hexadecimal), 16), {contacts:Array(String)}) AS asked,
    toFixedString('', 16) AS nobody,

    -- Whose a node is: the contact of the last identification at or before a moment, the first for earlier ones.
    -- Newest rows of the nodes that ever belonged to one of the contacts.
    nodes AS (
        SELECT node, since, contacts
        FROM (
            SELECT node, is_deleted, since, contacts
            FROM identities
            WHERE workspace = {workspace:UInt32} AND ({everybody:Bool} OR node IN (
                SELECT node FROM identities WHERE workspace = {workspace:UInt32} AND hasAny(contacts, asked)))
            ORDER BY version DESC
            LIMIT 1 BY node
        )
        WHERE is_deleted = 0 AND notEmpty(contacts)
    ),

    people AS (
        SELECT id AS contact, created_at, email != '' AS has_email, phone != '' AS has_phone
        FROM (
            SELECT id, is_deleted, redirect, email, phone, created_at
            FROM contacts
            WHERE workspace = {workspace:UInt32} AND ({everybody:Bool} OR id IN (SELECT arrayJoin(asked)))
            ORDER BY version DESC
            LIMIT 1 BY id
        )
        WHERE is_deleted = 0 AND redirect = nobody
    ),

    -- Facts of these nodes, and of conversions that belonged to these contacts when they were last computed.
    facts AS (
        SELECT id, name, provider, external_id, node, visitor, toUnixTimestamp64Milli(at) AS fact_at, value, currency, url, deleted
        FROM conversion_facts
        WHERE workspace = {workspace:UInt32} AND ({everybody:Bool} OR id IN (
            SELECT id FROM conversion_facts WHERE workspace = {workspace:UInt32} AND node IN (
                SELECT node FROM identities WHERE workspace = {workspace:UInt32} AND hasAny(contacts, asked))
            UNION DISTINCT
            SELECT id FROM conversions WHERE workspace = {workspace:UInt32} AND contact IN (SELECT arrayJoin(asked))))
        ORDER BY version DESC
        LIMIT 1 BY id
    ),

    -- The contacts' browsers, with the stretches in which they were whose.
    browsers AS (
        SELECT arrayJoin(arrayDistinct(contacts)) AS contact, groupArray((substring(node, 9), since, contacts)) AS browsers
        FROM nodes
        WHERE startsWith(node, 'visitor:')
        GROUP BY contact
    ),

    -- Browsers that were seen with too many people to be anybody's: what happened in one happened in none.
    cut_browsers AS (
        SELECT substring(node, 9) AS visitor
        FROM (
            SELECT node, is_deleted, contacts
            FROM identities
            WHERE workspace = {workspace:UInt32} AND node IN (SELECT concat('visitor:', visitor) FROM facts WHERE visitor != '')
            ORDER BY version DESC
            LIMIT 1 BY node
        )
        WHERE is_deleted = 0 AND empty(contacts)
    ),

    -- Facts that count, with their contact; and that a contact came to be, which is a conversion too, under its own id.
    counted AS (
        SELECT
            f.id AS id, f.name AS name, f.provider AS provider, f.external_id AS external_id,
            if(f.visitor IN (SELECT visitor FROM cut_browsers), '', f.visitor) AS own,
            f.fact_at AS fact_at, f.value AS value, f.currency AS currency, f.url AS url,
            n.contacts[greatest(1, arrayLastIndex(s -> toUnixTimestamp64Milli(s) <= f.fact_at, n.since))] AS contact
        FROM facts AS f
        INNER JOIN nodes AS n ON n.node = f.node
        WHERE NOT f.deleted
        UNION ALL
        SELECT contact, 'contact', '', '', '', toUnixTimestamp64Milli(created_at), 0, '', '', contact
        FROM people
    ),

    -- Every browser that a conversion looks at: the contact's, and the one it happened in, whoever's that is. A
    -- conversion without any has one row with an empty visitor.
    looked_at AS (
        SELECT id, fact, fact_at, contact, own, browser.1 AS visitor, browser.2 AS since, browser.3 AS owners
        FROM (
            SELECT c.id AS id, c.fact_at AS fact_at, c.contact AS contact, c.own AS own,
                (c.name, c.provider, c.external_id, c.url, c.value, c.currency, c.contact, p.has_email, p.has_phone, c.own) AS fact,
                arrayConcat(b.browsers, if(c.own = '' OR has(b.browsers.1, c.own), [], [(c.own, [], [])])) AS all_browsers
            FROM counted AS c
            INNER JOIN people AS p ON p.contact = c.contact
            LEFT JOIN browsers AS b ON b.contact = c.contact
            WHERE p.has_email OR p.has_phone
        )
        LEFT ARRAY JOIN all_browsers AS browser
    ),

    begun AS (
        SELECT visitor, session, started, items_at, items_type,
            (started, session, visitor, channel, source, medium, campaign, content, term, landing_page, referrer, rule, device,
                country, browser, os, ended) AS touch
        FROM (
            SELECT visitor, session, is_deleted, toUnixTimestamp64Milli(started_at) AS started, toUnixTimestamp64Milli(ended_at) AS ended,
                channel, source, medium, campaign, content, term, landing_page, referrer, rule, device, country, browser, os, items_at,
                items_type
            FROM sessions
            WHERE workspace = {workspace:UInt32} AND ({everybody:Bool} OR visitor IN (
                SELECT substring(node, 9) FROM identities WHERE workspace = {workspace:UInt32} AND hasAny(contacts, asked)
                UNION DISTINCT
                SELECT visitor FROM conversion_facts WHERE workspace = {workspace:UInt32} AND node IN (
                    SELECT node FROM identities WHERE workspace = {workspace:UInt32} AND hasAny(contacts, asked))))
            ORDER BY version DESC
            LIMIT 1 BY day, visitor, session
        )
        WHERE is_deleted = 0
    ),

    -- How each browser's sessions up to the conversion look to it: in its own browser, in the contact's stretch, which pages.
    seen AS (
        SELECT
            l.id AS id, l.fact AS fact, l.fact_at AS fact_at, b.started AS started, b.session AS session, b.touch AS touch,
            b.session != nobody AND b.started <= l.fact_at AS past,
            l.visitor = l.own AS own,
            empty(l.owners) AS foreign,
            l.owners[greatest(1, arrayLastIndex(s -> toUnixTimestamp64Milli(s) <= b.started, l.since))] = l.contact AS mine,
            arrayCount(
                (offset, type) -> type = 'pageview' AND b.started + offset < l.fact_at AND (empty(l.owners) OR
                    l.owners[greatest(1, arrayLastIndex(s -> toUnixTimestamp64Milli(s) <= b.started + offset, l.since))] = l.contact),
                b.items_at, b.items_type) AS pages
        FROM looked_at AS l
        LEFT JOIN begun AS b ON b.visitor = l.visitor
    ),

    -- The converting session is the last one of the conversion's own browser, else of any browser of the contact. It is
    -- the last touch, whoever its browser belonged to when it began. Where that browser was never the contact's, its pages
    -- count too.
    gathered AS (
        SELECT id, any(fact) AS fact, any(fact_at) AS fact_at,
            argMaxIf(session, (started, session), past AND own) AS last_own,
            argMaxIf(session, (started, session), past AND mine) AS last_any,
            groupArrayIf((touch, mine, pages, foreign), past) AS all_seen
        FROM seen
        GROUP BY id
    ),
    ordered AS (
        SELECT id, fact, fact_at,
            arraySort(t -> (t.2 = converting, t.1, t.2), arrayFilter((t, is_mine) -> is_mine OR t.2 = converting, all_seen.1, all_seen.2)) AS touches,
            arraySum((t, pages, foreign) -> if(foreign AND t.2 != converting, 0, pages), all_seen.1, all_seen.3, all_seen.4) AS pages
        FROM (SELECT *, if(last_own != nobody, last_own, last_any) AS converting FROM gathered)
    ),

    -- At most the first and the last 99 touches of any lookback window are credited. Kept are the first of every window
    -- and the last 100, since the converting one, which is last, may have begun before the window.
    cut AS (
        SELECT id, fact, fact_at, touches, toUInt32(pages) AS pages, toUInt32(length(touches)) AS total, touches[-1] AS last,
            arrayDistinct(arrayFilter(r -> r != '', touches.11)) AS referrer_chain,
            arraySum((begun, ended) -> ended - begun, touches.1, touches.17) / 1000 AS seconds_on_site,
            arrayMap(days -> arrayFirstIndex(start -> start >= fact_at - days * 86400000, touches.1), [1, 7, 14, 30, 60, 90, 180]) AS firsts
        FROM ordered
    ),
    computed AS (
        SELECT *, greatest(1, sipHash64(fact, last, kept, referrer_chain, pages, seconds_on_site, total)) AS fingerprint
        FROM (
            SELECT *, arrayFilter((t, i) -> i = 1 OR i > total - 100 OR has(firsts, i), touches, arrayEnumerate(touches)) AS kept
            FROM cut
        )
    ),

    newest AS (
        SELECT id, toUnixTimestamp64Milli(at) AS fact_at, fingerprint, contact
        FROM conversions
        WHERE workspace = {workspace:UInt32} AND ({everybody:Bool} OR id IN (
            SELECT id FROM conversion_facts WHERE workspace = {workspace:UInt32} AND node IN (
                SELECT node FROM identities WHERE workspace = {workspace:UInt32} AND hasAny(contacts, asked))
            UNION DISTINCT
            SELECT id FROM conversions WHERE workspace = {workspace:UInt32} AND contact IN (SELECT arrayJoin(asked))
            UNION DISTINCT
            SELECT arrayJoin(asked)))
        ORDER BY version DESC, known_at DESC
        LIMIT 1 BY at, id
    )
SELECT
    {workspace:UInt32}, fromUnixTimestamp64Milli(fact_at, 'UTC'), id, {version:UInt64}, now64(3), c.fingerprint = 0,
    c.fingerprint, c.fact.1, c.fact.2, c.fact.3, c.fact.4, c.fact.5, c.fact.6,
    if(c.fingerprint = 0, n.contact, c.fact.7), c.fact.8, c.fact.9,
    if(c.fact.1 = 'contact', c.last.3, c.fact.10), c.last.3, c.last.13, c.last.14, c.last.15, c.last.16,
    c.referrer_chain, c.pages, c.seconds_on_site, greatest(c.total, 1) - 1, c.total,
    arrayMap(t -> fromUnixTimestamp64Milli(t.1, 'UTC'), c.kept), c.kept.2, c.kept.3, c.kept.4, c.kept.5, c.kept.6, c.kept.7,
    c.kept.8, c.kept.9, c.kept.10, c.kept.11, c.kept.12, c.kept.13, c.kept.14, c.kept.15
FROM computed AS c
FULL JOIN newest AS n USING (id, fact_at)
WHERE c.fingerprint != n.fingerprint
