-- name: status_insert
INSERT INTO statuses (id, doc) VALUES (?, ?);

-- name: status_get
SELECT doc FROM statuses WHERE id = ?;
