-- The newest hits of each of some visitors. Of two bodies with one id the one received earlier stands.
SELECT workspace, id, visitor, toUnixTimestamp64Milli(at), toUnixTimestamp64Milli(received), toInt32(type), url, referrer, title,
    name, properties, trait_email, trait_phone, trait_name, trait_user_id, user_agent, tz, country, country_source,
    device, browser, os, bot, clock_shift, ad_consent, fbp, fbc, li_fat_id
FROM (
    SELECT *
    FROM hits
    WHERE workspace IN {workspaces:Array(UInt32)} AND visitor IN {visitors:Array(String)}
    ORDER BY version DESC
    LIMIT 1 BY workspace, id
)
ORDER BY at DESC, id DESC
LIMIT {newest:UInt32} BY workspace, visitor
