-- The contacts whose conversions were ever credited from some browsers.
SELECT DISTINCT contact FROM conversions
WHERE workspace = {workspace:UInt32} AND (has({browsers:Array(String)}, own_visitor) OR hasAny(touches_visitor, {browsers:Array(String)}))
ORDER BY contact
