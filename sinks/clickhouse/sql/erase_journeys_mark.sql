-- Tells copies that are under way that somebody was erased, and nothing of whom: no workspace has the number 0.
INSERT INTO journey_changes (workspace, noted, day, visitor)
SELECT 0, now64(3, 'UTC'), toDate32('1970-01-01'), ''
