-- How much the sessions of some browsers are: their number, and more where one holds many items. Versions count, too.
SELECT visitor, count() + intDiv(sum(length(items_at)), 32)
FROM sessions
WHERE workspace = {workspace:UInt32} AND visitor IN {visitors:Array(String)}
GROUP BY visitor
