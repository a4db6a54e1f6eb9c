-- Whose browsers, and names at the site, are whose.
INSERT INTO identities (workspace, node, version, is_deleted, since, contacts)
SELECT 1, arrayJoin(arrayConcat(
        [concat('user:', toString(v)), concat('visitor:', UUIDNumToString(sipHash128('visitor', v)))],
        if(v % 120 = 0, [concat('visitor:', UUIDNumToString(sipHash128('visitor', v + 1)))], []))), 1, 0,
    [fromUnixTimestamp64Milli({begin:Int64}, 'UTC')], [sipHash128('contact', v)]
FROM (SELECT number AS v FROM numbers({from:UInt64}, {to:UInt64} - {from:UInt64}) WHERE number % 24 = 0)
