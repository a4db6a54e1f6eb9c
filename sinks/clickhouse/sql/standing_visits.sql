-- The sessions of some browsers, the newest first, as far as an advertising platform may match by them. LinkedIn's cookie
-- stands for a click like one of a URL.
SELECT visitor, toUnixTimestamp64Milli(started_at) AS started,
    arrayDistinct(if(li_fat_id = '', click_ids, arrayPushBack(click_ids, concat('li_fat_id=', li_fat_id)))) AS clicks, ad_consent, fbp, fbc
FROM (
    SELECT visitor, started_at, session, is_deleted, click_ids, ad_consent, fbp, fbc, li_fat_id FROM sessions
    WHERE workspace = {workspace:UInt32} AND visitor IN {visitors:Array(String)}
    ORDER BY version DESC
    LIMIT 1 BY day, visitor, session
)
WHERE is_deleted = 0 AND (notEmpty(clicks) OR ad_consent != '' OR fbp != '' OR fbc != '')
ORDER BY started DESC, session DESC
