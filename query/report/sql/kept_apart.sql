-- The pairs of nodes that Admins keep apart, one of which is among some nodes: the newest word on each pair stands.
SELECT nodes
FROM (
    SELECT nodes, argMax(bond, (at, id)) AS last
    FROM claims
    WHERE workspace = {workspace:UInt32} AND bond != 0 AND hasAny(nodes, {nodes:Array(String)})
    GROUP BY nodes
)
WHERE last = 1
ORDER BY nodes
