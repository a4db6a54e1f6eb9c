-- Which of some new visitors have a session that reports can see.
SELECT DISTINCT visitor
FROM sessions
WHERE workspace = 1 AND day >= today() - 1 AND visitor IN {visitors:Array(String)} AND NOT is_deleted
