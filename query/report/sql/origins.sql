-- What the sessions of a period say about where they came from: one row for each channel that they have and each page and
-- referrer that it was read from. Values of click ids are left out of the page, since only their presence counts.
--
-- A session that midnight alone began has the source of the one before it, also over several nights, so its page is that one's:
-- looked for up to a week before the period, and among these browsers only. Where it is older, kept tells so.
WITH
    begun AS (
        SELECT session, visitor, started_at, reason, channel, bot, referrer,
            if(empty(items_url), landing_page, items_url[1]) AS page
        FROM sessions FINAL
        WHERE workspace = {workspace:UInt32}
            AND day >= toDate32(fromUnixTimestamp64Milli({begin:Int64}, 'UTC')) - 7 AND day <= toDate32(fromUnixTimestamp64Milli({end:Int64}, 'UTC'))
            AND started_at < fromUnixTimestamp64Milli({end:Int64}, 'UTC')
    ),
    continued AS (
        SELECT session, started_at, reason, channel, bot,
            argMaxIf((page, referrer), (started_at, session), reason != 'midnight') OVER nights AS origin,
            countIf(reason != 'midnight') OVER nights = 0 AS kept
        FROM begun
        WHERE visitor IN (
            SELECT visitor FROM sessions FINAL
            WHERE workspace = {workspace:UInt32} AND reason = 'midnight'
                AND day >= toDate32(fromUnixTimestamp64Milli({begin:Int64}, 'UTC')) AND day <= toDate32(fromUnixTimestamp64Milli({end:Int64}, 'UTC')))
        WINDOW nights AS (PARTITION BY visitor ORDER BY started_at, session ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
    ),
    placed AS (
        SELECT session, channel, bot, page, referrer, false AS kept
        FROM begun
        WHERE reason != 'midnight' AND started_at >= fromUnixTimestamp64Milli({begin:Int64}, 'UTC')
        UNION ALL
        SELECT session, channel, bot, origin.1 AS page, origin.2 AS referrer, kept
        FROM continued
        WHERE reason = 'midnight' AND started_at >= fromUnixTimestamp64Milli({begin:Int64}, 'UTC')
    ),
    -- Conversions by the session that they came from: the last of their touches.
    won AS (
        SELECT last AS session, count() AS conversions
        FROM (
            SELECT deleted, name, if(empty(touches_session), toFixedString('', 16), touches_session[-1]) AS last
            FROM conversions
            WHERE workspace = {workspace:UInt32} AND at >= fromUnixTimestamp64Milli({begin:Int64}, 'UTC')
            ORDER BY version DESC, known_at DESC
            LIMIT 1 BY at, id
        )
        WHERE NOT deleted AND name != 'contact'
        GROUP BY session
    )
SELECT channel, kept,
    replaceRegexpAll(placed.page, '([?&](?:gclid|gbraid|wbraid|dclid|msclkid|fbclid|li_fat_id|ttclid|twclid|rdt_cid|epik|ScCid|yclid|mc_cid)=)[A-Za-z0-9_-]+', '\\1x') AS said,
    placed.referrer AS came,
    min(placed.page) AS example, countIf(NOT bot) AS sessions, sum(won.conversions) AS conversions
FROM placed LEFT JOIN won ON placed.session = won.session
GROUP BY channel, kept, said, came
HAVING sessions > 0 OR conversions > 0
SETTINGS max_rows_to_group_by = 1000000, group_by_overflow_mode = 'throw'
