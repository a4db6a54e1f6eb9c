-- Deletes pages and names of events that no copy has any more: nobody but the erased saw them. The statement sees all rows whose
-- items it may delete, since a copy stores its rows first and what they stand for afterwards.
DELETE FROM journey_items
WHERE (workspace, item) NOT IN (SELECT workspace, item FROM journeys)
