-- Notes what the numbers of the items stand for that were done on one day. See journey_rows.sql.
INSERT INTO journey_items (workspace, item, kind, text)
SELECT DISTINCT workspace, bitOr(bitAnd(sipHash64(seen.2), bitNot(toUInt64(3))), toUInt8(seen.1)), seen.1, seen.2
FROM (
    SELECT workspace, arrayJoin(arrayFilter(i -> i.1 != 0, arrayMap((type, url, name) -> multiIf(
            type = 'pageview', (1, if(path(url) = '', '/', path(url))),
            type = 'event', (2, toString(name)),
            (0, '')),
        items_type, items_url, items_name))) AS seen
    FROM sessions FINAL
    WHERE day = {day:Date32}
)
SETTINGS max_threads = 1, max_insert_threads = 1, max_block_size = 8192
