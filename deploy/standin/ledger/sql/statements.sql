-- name: meta_get
SELECT value FROM meta WHERE name = ?;

-- name: meta_put
INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value;

-- name: request_insert
INSERT INTO requests (at_ms, method, path, query, status, summary, write) VALUES (?, ?, ?, ?, ?, ?, ?);

-- name: request_list
SELECT seq, at_ms, method, path, query, status, summary, write FROM requests WHERE seq > ? ORDER BY seq LIMIT ?;

-- name: request_writes
SELECT seq, at_ms, method, path, query, status, summary, write FROM requests
WHERE write = 1 AND status < 300 AND seq > ? ORDER BY seq LIMIT ?;

-- name: fault_list
SELECT kind, times, delay_ms FROM faults;

-- name: fault_put
INSERT INTO faults (kind, times, delay_ms) VALUES (?, ?, ?)
ON CONFLICT (kind) DO UPDATE SET times = excluded.times, delay_ms = excluded.delay_ms;

