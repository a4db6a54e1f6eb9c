-- What items are, of the sessions of a funnel's days: those that nothing was copied of yet.
WITH
    {{template "funnel_bounds.sql" .}}
SELECT DISTINCT bitOr(bitAnd(sipHash64(substring(label, 2)), bitNot(toUInt64(3))), toUInt64(if(startsWith(label, 'p'), 1, 2))) AS item, label
FROM (
    SELECT arrayJoin(arrayDistinct(arrayMap((type, url, name) -> multiIf(type = 'pageview', concat('p', if(path(url) = '', '/', path(url))), type = 'event', concat('e', name), ''), items_type, items_url, items_name))) AS label
    FROM sessions
    WHERE workspace = {workspace:UInt32} AND day <= toDate32(last_event) AND started_at <= last_event AND ended_at >= begins
)
WHERE label != '' AND item IN {items:Array(UInt64)}
