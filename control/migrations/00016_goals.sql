-- +goose Up
-- What a workspace counts as conversions of its own. body is JSON: what reaches the goal and what it is worth.
CREATE TABLE goals (
    id BIGINT PRIMARY KEY,
    workspace BIGINT NOT NULL REFERENCES workspaces (id),
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    stage TEXT NOT NULL,
    body TEXT NOT NULL,
    starts BIGINT NOT NULL,
    UNIQUE (workspace, name)
);
INSERT INTO serials (name, last) VALUES ('goals', 0);

-- +goose Down
DELETE FROM serials WHERE name = 'goals';
DROP TABLE goals;
