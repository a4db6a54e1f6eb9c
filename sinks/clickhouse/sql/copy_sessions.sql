-- The sessions of all browsers that may be a contact's, or in which a conversion happened, every version of each. Hashes choose
-- them, which takes less memory than the browsers' ids; one too many does no harm. Addresses and names are for goals.
INSERT INTO sessions
SELECT
    workspace, day, visitor, session, version, is_deleted, started_at, ended_at, channel, source, medium, campaign, content, term,
    landing_page, referrer, rule, device, country, browser, os, items_at, items_type,
    if({goals:Bool}, items_hit, []), if({goals:Bool}, items_url, []), if({goals:Bool}, items_name, [])
FROM {database:Identifier}.sessions
WHERE workspace = {workspace:UInt32} AND sipHash64(visitor) IN (
    SELECT sipHash64(substring(node, length('visitor:') + 1)) FROM identities
    WHERE workspace = {workspace:UInt32} AND startsWith(node, 'visitor:')
    UNION DISTINCT
    SELECT sipHash64(visitor) FROM conversion_facts WHERE workspace = {workspace:UInt32} AND visitor != '')
