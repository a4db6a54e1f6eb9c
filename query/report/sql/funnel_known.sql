-- The contacts that funnels count: those with an email, a phone or a user's id.
SELECT id
FROM contacts FINAL
WHERE workspace = {workspace:UInt32} AND redirect = toFixedString('', 16)
    AND (email != '' OR phone != '' OR arrayExists(n -> startsWith(n, 'user:'), nodes))
