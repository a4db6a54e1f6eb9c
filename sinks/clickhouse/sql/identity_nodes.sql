-- Every node of the workspace that ever belonged to a contact.
SELECT DISTINCT node FROM identities WHERE workspace = {workspace:UInt32} ORDER BY node
