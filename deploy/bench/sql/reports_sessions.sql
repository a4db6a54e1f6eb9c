-- Sessions of a shop in 90 days, made of numbers, the same in every run. Visitors {from} up to {to} of them: how often one comes and
-- how much it looks at have heavy tails, pages and campaigns are as Zipf says, and one visitor in 24 becomes a contact and comes
-- more often; the visitor after every fifth of those is the same person's other browser. Parameters: begin in milliseconds, from, to.
INSERT INTO sessions (
    workspace, day, visitor, session, version, is_deleted, started_at, ended_at, reason, channel, source, medium, campaign, content, term,
    landing_page, referrer, rule, device, country, browser, os, bot, exit_page, settings, list, engaged_ms, page_views, events,
    items_at, items_type, items_url, items_title, items_name, items_click_id, items_hit
)
WITH
    (salt, v, k) -> sipHash64(salt, v, k) / 18446744073709551616. AS u,
    visits AS (
        SELECT
            number AS v, UUIDNumToString(sipHash128('visitor', v)) AS visitor,
            toUInt32(least(60, floor(pow(1 - u('sessions', v, 0), -1 / 1.5)))) + if(v % 24 = 0 OR v % 120 = 1, 1 + sipHash64('more', v) % 6, 0) AS n,
            {begin:Int64} + toInt64(u('first', v, 0) * 60 * 86400000) AS first,
            {begin:Int64} + 90 * 86400000 - first AS span,
            arrayJoin(range(1, n + 1)) AS k,
            first + toInt64((k - 1 + 0.8 * u('start', v, k)) / n * span) AS started,
            toUInt32(least(40, floor(pow(1 - u('hits', v, k), -1 / 1.3)))) AS h,
            -- How it came.
            u('came', v, k) AS came,
            multiIf(came < 0.28, 1, came < 0.52, 2, came < 0.68, 3, came < 0.76, 4, came < 0.84, 5, came < 0.90, 6, came < 0.95, 7, came < 0.98, 8, 9) AS c,
            toUInt32(floor(pow(300, u('campaign', v, k)))) AS number_of_campaign
        FROM numbers({from:UInt64}, {to:UInt64} - {from:UInt64})
    ),
    named AS (
        SELECT *,
            ['Direct', 'Organic Search', 'Paid Search', 'Paid Social', 'Organic Social', 'Email', 'Referral', 'AI Assistant', 'Display'][c] AS channel,
            [
                'direct', ['google', 'google', 'google', 'bing', 'duckduckgo'][1 + sipHash64('s', v, k) % 5], ['google', 'google', 'bing'][1 + sipHash64('s', v, k) % 3],
                ['facebook', 'linkedin', 'instagram'][1 + sipHash64('s', v, k) % 3], ['facebook', 'x', 'reddit'][1 + sipHash64('s', v, k) % 3],
                'newsletter', concat('site', toString(toUInt32(floor(pow(400, u('site', v, k))))), '.example'), ['chatgpt.com', 'perplexity.ai'][1 + sipHash64('s', v, k) % 2],
                'google'
            ][c] AS source,
            ['', 'organic', 'cpc', 'cpc', 'social', 'email', 'referral', 'ai-assistant', 'display'][c] AS medium,
            if(c IN (3, 4, 6, 9), concat('campaign-', toString(number_of_campaign)), '') AS campaign,
            arrayMap(j -> if(j = 0, 0, j * 37000 + toInt64(sipHash64('offset', v, k, j) % 30000)), range(0, h)) AS offsets,
            arrayMap(j -> j = 0 OR sipHash64('type', v, k, j) % 5 > 0, range(0, h)) AS views,
            arrayMap(j -> toUInt32(floor(pow(2000, sipHash64('page', v, k, j) / 18446744073709551616.))), range(0, h)) AS pages,
            arrayMap(p -> concat('https://shop.example', multiIf(p = 1, '/', p = 2, '/features', p = 3, '/pricing', p = 4, '/demo',
                p < 400, concat('/blog/post-', toString(p)), concat('/docs/page-', toString(p)))), pages) AS urls,
            arrayMap((j, viewed) -> if(viewed, '', ['scrolled', 'played', 'signup_started', 'cart', 'scrolled'][1 + sipHash64('name', v, k, j) % 5]), range(0, h), views) AS names
        FROM visits
    )
SELECT
    1, toDate32(fromUnixTimestamp64Milli(started, 'UTC')), visitor, sipHash128('session', v, k), 1, 0,
    fromUnixTimestamp64Milli(started, 'UTC'), fromUnixTimestamp64Milli(started + offsets[-1], 'UTC'), if(k = 1, 'first_hit', 'timeout'),
    channel, source, medium, campaign, if(campaign = '', '', concat('creative-', toString(v % 7))), '',
    if(campaign = '', urls[1], concat(urls[1], '?utm_campaign=', campaign)), if(c IN (2, 5, 7, 8), concat('https://', source, '/'), ''),
    if(c = 1, 'direct', 'utm'),
    ['desktop', 'desktop', 'mobile', 'mobile', 'tablet'][1 + sipHash64('device', v) % 5],
    ['US', 'US', 'US', 'DE', 'DE', 'GB', 'FR', 'IN', 'BR', 'ES', 'IT', 'NL', 'PL', 'SE', 'JP', 'CA', 'AU', 'MX', 'AT', 'CH'][1 + sipHash64('country', v) % 20],
    ['Chrome', 'Chrome', 'Chrome', 'Safari', 'Safari', 'Firefox', 'Edge'][1 + sipHash64('browser', v) % 7], '', sipHash64('bot', v) % 50 = 0 AND v % 24 > 1, urls[-1], 1, 1,
    offsets[-1], toUInt32(arrayCount(viewed -> viewed, views)), toUInt32(arrayCount(viewed -> NOT viewed, views)),
    offsets, arrayMap(viewed -> if(viewed, 'pageview', 'event'), views), urls, arrayMap(p -> concat('Page ', toString(p)), pages), names, arrayMap(p -> '', pages),
    arrayMap((offset, j) -> toFixedString(concat(unhex(lpad(hex(toUInt64(started + offset)), 12, '0')), substring(sipHash128('hit', v, k, j), 1, 10)), 16), offsets, range(0, h))
FROM named
SETTINGS max_insert_threads = 1, max_block_size = 8192, min_insert_block_size_rows = 262144, max_partitions_per_insert_block = 100
