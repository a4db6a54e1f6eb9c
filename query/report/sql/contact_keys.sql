-- A page of contacts in the order of their newest conversion, or of their creation where there is none. A person who
-- gave an email or a phone is listed once their touches are computed, so that nobody is seen as Direct for a moment; one
-- whom the site identified by its own id alone has none.
WITH
    toFixedString('', 16) AS nobody,
    arrayMap(hexadecimal -> toFixedString(unhex(hexadecimal), 16), {only:Array(String)}) AS only_ids,
    arrayMap(hexadecimal -> toFixedString(unhex(hexadecimal), 16), {except:Array(String)}) AS except_ids,
    people AS (
        SELECT id, email, phone, name, emails, phones, nodes, toUnixTimestamp64Milli(created_at) AS created
        FROM (
            SELECT id, email, phone, name, emails, phones, nodes, created_at, redirect, is_deleted
            FROM contacts
            WHERE workspace = {workspace:UInt32}
            ORDER BY version DESC
            LIMIT 1 BY id
        )
        WHERE is_deleted = 0 AND redirect = nobody
    ),
    converted AS (
        SELECT contact, toUnixTimestamp64Milli(at) AS happened, place, name,
            {{.Filters}} AS matches
        FROM (
            SELECT contact, at, id, name, deleted{{range .Columns}}, {{.}}{{end}}, {{.Place}} AS place
            FROM conversions
            WHERE workspace = {workspace:UInt32}
            ORDER BY version DESC, known_at DESC
            LIMIT 1 BY at, id
        )
        WHERE NOT deleted
        -- That the contact came to be stands in where there is no other.
        ORDER BY name != 'contact' DESC, at DESC, id DESC
        LIMIT 1 BY contact
    ),
    listed AS (
        SELECT p.id AS id, if(c.name IN ('', 'contact'), p.created, c.happened) AS sorted_by,
            if(c.name = '', {{.Directly}}, c.matches) AS matches
        FROM people AS p
        LEFT JOIN converted AS c ON c.contact = p.id
        WHERE if(p.email != '' OR p.phone != '', c.name != '', arrayExists(n -> startsWith(n, 'user:'), p.nodes))
            AND ({search:String} = '' OR positionCaseInsensitiveUTF8(p.name, {search:String}) > 0
                OR arrayExists(text -> positionCaseInsensitiveUTF8(text, {search:String}) > 0, arrayConcat(p.emails, p.phones)))
            AND (empty(only_ids) AND NOT {restricted:Bool} OR has(only_ids, p.id)) AND NOT has(except_ids, p.id)
    )
SELECT id, sorted_by
FROM listed
WHERE matches AND sorted_by >= {begin:Int64} AND sorted_by < {end:Int64}
    AND (sorted_by, id) < ({after_time:Int64}, toFixedString(unhex({after_id:String}), 16))
ORDER BY sorted_by DESC, id DESC
LIMIT {limit:UInt32}
