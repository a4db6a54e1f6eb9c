-- The next visitors of one partition of the topic hits that wait for their sessions to be derived anew, with how many hits
-- they have. Those that have none any more are among them. For the partition see rebuild_visitors.sql.
WITH waiting AS (
    SELECT workspace, visitor
    FROM (
        SELECT workspace, visitor, is_deleted
        FROM late_visitors
        WHERE ({workspace:UInt32} = 0 OR workspace = {workspace:UInt32})
            AND (workspace, visitor) > ({after_workspace:UInt32}, {after_visitor:String})
            AND bitAnd(kafkaMurmurHash(concat(toString(workspace), '/', visitor)), 0x7fffffff) % {partitions:Int32} = {partition:Int32}
        ORDER BY version DESC
        LIMIT 1 BY workspace, visitor
    )
    WHERE is_deleted = 0
    ORDER BY workspace, visitor
    LIMIT {limit:UInt32}
)
SELECT w.workspace, w.visitor, h.hits
FROM waiting AS w
LEFT JOIN (
    SELECT workspace, visitor, count() AS hits
    FROM hits
    WHERE (workspace, visitor) IN (SELECT workspace, visitor FROM waiting)
    GROUP BY workspace, visitor
) AS h ON h.workspace = w.workspace AND h.visitor = w.visitor
ORDER BY w.workspace, w.visitor
