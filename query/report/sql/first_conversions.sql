SELECT min((at, id))
FROM (
    SELECT at, id, deleted, name, contact
    FROM conversions
    WHERE workspace = {workspace:UInt32} AND at < fromUnixTimestamp64Milli({end:Int64}, 'UTC')
        AND known_at <= fromUnixTimestamp64Milli({as_of:Int64}, 'UTC')
    ORDER BY version DESC, known_at DESC
    LIMIT 1 BY at, id
)
WHERE NOT deleted AND if({name:String} = '', name != 'contact', name = {name:String})
GROUP BY contact
