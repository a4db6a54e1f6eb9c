-- Every id that a contact ever had.
SELECT DISTINCT id FROM contacts
WHERE workspace = {workspace:UInt32} AND (id = toFixedString(unhex({contact:String}), 16) OR redirect = toFixedString(unhex({contact:String}), 16))
ORDER BY id
