-- The newest step of every part of a task.
SELECT part, step, done, toUnixTimestamp64Milli(at), counts
FROM (
    SELECT part, step, done, at, counts
    FROM task_steps
    WHERE task = toFixedString(unhex(replaceAll({task:String}, '-', '')), 16)
    ORDER BY step DESC, done DESC, at DESC
    LIMIT 1 BY part
)
ORDER BY part
