-- Every contact that has, or may get, conversions.
SELECT id FROM contacts WHERE workspace = {workspace:UInt32}
UNION DISTINCT
SELECT contact FROM conversions WHERE workspace = {workspace:UInt32}
