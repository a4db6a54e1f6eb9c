-- Every id that a contact of the workspace ever had: live, redirected or deleted.
SELECT DISTINCT id FROM contacts WHERE workspace = {workspace:UInt32} ORDER BY id
