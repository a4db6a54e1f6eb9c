-- +goose Up
-- Filters of reports that people saved under a name. filters is a JSON list.
CREATE TABLE segments (
    id BIGINT PRIMARY KEY,
    workspace BIGINT NOT NULL REFERENCES workspaces (id),
    name TEXT NOT NULL,
    filters TEXT NOT NULL,
    UNIQUE (workspace, name)
);
INSERT INTO serials (name, last) VALUES ('segments', 0);

-- +goose Down
DELETE FROM serials WHERE name = 'segments';
DROP TABLE segments;
