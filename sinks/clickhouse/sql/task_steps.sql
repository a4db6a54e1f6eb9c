-- The newest step of every part of a task. A repeated step finds nothing more to be done, hence the highest counts.
SELECT part, max(step), argMax(done, (step, done)), toUnixTimestamp64Milli(max(at)), maxMap(counts)
FROM task_steps
WHERE task = toFixedString(unhex(replaceAll({task:String}, '-', '')), 16)
GROUP BY part
ORDER BY part
