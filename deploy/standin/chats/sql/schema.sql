-- Answers already given to a chat id, so that a repetition changes nothing.
CREATE TABLE IF NOT EXISTS chats (
  seq             INTEGER PRIMARY KEY AUTOINCREMENT,
  id              TEXT NOT NULL UNIQUE,
  contact_id      TEXT NOT NULL,
  conversation_id TEXT NOT NULL,
  at_ms           INTEGER NOT NULL,
  batch           TEXT NOT NULL
) STRICT;
