-- name: chat_get
SELECT contact_id, conversation_id, batch FROM chats WHERE id = ?;

-- name: chat_insert
INSERT INTO chats (id, contact_id, conversation_id, at_ms, batch) VALUES (?, ?, ?, ?, ?);

-- name: chat_list
SELECT seq, id, contact_id, conversation_id, at_ms FROM chats WHERE seq > ? ORDER BY seq LIMIT ?;
