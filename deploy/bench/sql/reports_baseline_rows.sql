-- The same rows as the product's, one statement a table.
INSERT INTO plain.hits
SELECT 1, toDate(at), visitor, at, type, path, name, source
FROM (
    SELECT toUUID(s.visitor) AS visitor, fromUnixTimestamp64Milli(toUnixTimestamp64Milli(started_at) + offset, 'UTC') AS at, toString(kind) AS type,
        if(type = 'pageview', path(url), '') AS path, name, source
    FROM sessions AS s FINAL
    ARRAY JOIN items_at AS offset, items_type AS kind, items_url AS url, items_name AS name
)
SETTINGS max_insert_threads = 1, min_insert_block_size_rows = 1048576;

INSERT INTO plain.sessions
SELECT 1, toDate(started_at), toUUID(visitor), started_at, session, channel, source, medium, campaign, landing_page, country, bot
FROM sessions FINAL
SETTINGS max_insert_threads = 1, min_insert_block_size_rows = 1048576;

INSERT INTO plain.browsers
SELECT 1, toUUID(substring(node, 9)), contacts[1] AS contact, created_at
FROM (SELECT node, contacts FROM identities FINAL WHERE startsWith(node, 'visitor:')) AS i
INNER JOIN (SELECT id, created_at FROM contacts FINAL) AS c ON c.id = i.contacts[1];

INSERT INTO plain.conversions
SELECT 1, at, f.id, name, i.contacts[1], toUUID(visitor), value
FROM (SELECT * FROM conversion_facts FINAL) AS f
INNER JOIN (SELECT node, contacts FROM identities FINAL) AS i ON i.node = f.node;
