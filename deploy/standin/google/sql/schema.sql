-- What requestStatus:retrieve answers to each request id.
CREATE TABLE IF NOT EXISTS statuses (
  id  TEXT PRIMARY KEY,
  doc TEXT NOT NULL
) STRICT;
