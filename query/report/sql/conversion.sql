-- One conversion as it stood at a moment, with its touches.
SELECT contact, name, toUnixTimestamp64Milli(at), value, currency, provider, external_id, url, toUnixTimestamp64Milli(identified_at),
    toUnixTimestamp64Milli(known_at), arrayMap(t -> toUnixTimestamp64Milli(t), touches_at), touches_session, touches_visitor, ends, left_out
FROM (
    SELECT contact, name, at, value, currency, provider, external_id, url, identified_at, known_at, deleted, touches_at,
        touches_session, touches_visitor,
        arrayMap((channel, source, medium, campaign, content, term, landing, referrer, rule) -> [toString(channel), toString(source),
            toString(medium), toString(campaign), toString(content), toString(term), landing, referrer, toString(rule)],
            touches_channel, touches_source, touches_medium, touches_campaign, touches_content, touches_term, touches_landing_page,
            touches_referrer, touches_rule) AS ends,
        {{if .Exclusions}}CAST(arrayMap(place -> {{.Exclusions}}, range(1, length(touches_at) + 1)), 'Array(UInt8)'){{else}}CAST([], 'Array(UInt8)'){{end}} AS left_out
    FROM conversions
    WHERE workspace = {workspace:UInt32} AND id = toFixedString(unhex({id:String}), 16)
        AND known_at <= fromUnixTimestamp64Milli({as_of:Int64}, 'UTC')
    ORDER BY version DESC, known_at DESC
    LIMIT 1 BY at
)
WHERE NOT deleted
