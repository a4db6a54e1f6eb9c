-- What some process does every now and then, and when it was last done.

-- +goose Up
CREATE TABLE chores (
    name TEXT NOT NULL PRIMARY KEY,
    last_at BIGINT NOT NULL
);

-- +goose Down
DROP TABLE chores;
