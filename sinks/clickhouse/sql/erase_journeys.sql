-- Deletes a browser's rows from all copies, also from those that are under way.
DELETE FROM journeys
WHERE workspace = {workspace:UInt32} AND visitor = sipHash64({visitor:String})
