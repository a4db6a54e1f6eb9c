-- What browsers were said to be whose: every combination of traits once.
SELECT DISTINCT visitor, trait_email, trait_phone, trait_user_id, country
FROM hits
WHERE workspace = {workspace:UInt32} AND (trait_email != '' OR trait_phone != '' OR trait_user_id != '')
ORDER BY visitor
