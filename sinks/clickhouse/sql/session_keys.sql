-- The sort keys of the sessions of some visitors that stand, without those that were written as deleted.
SELECT workspace, visitor, toInt32(day), session
FROM (
    SELECT workspace, day, visitor, session, is_deleted
    FROM sessions
    WHERE workspace IN {workspaces:Array(UInt32)} AND visitor IN {visitors:Array(String)}
    ORDER BY version DESC
    LIMIT 1 BY workspace, day, visitor, session
)
WHERE is_deleted = 0
ORDER BY workspace, visitor, day, session
