-- Work on what is stored: rebuilds, nightly re-derivations, erasures. The
-- pipeline takes a task under a lease, and goes through its phases.

-- +goose Up
INSERT INTO serials (name, last) VALUES ('tasks', 0);

CREATE TABLE tasks (
    id BIGINT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    run BYTEA NOT NULL,
    kind TEXT NOT NULL,
    workspace BIGINT NOT NULL,
    body TEXT NOT NULL,
    phase BIGINT NOT NULL,
    state TEXT NOT NULL,
    progress TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by BIGINT NOT NULL,
    finished_at BIGINT NOT NULL,
    due BIGINT NOT NULL,
    lease BYTEA NOT NULL,
    leased_until BIGINT NOT NULL
);

CREATE INDEX tasks_due ON tasks (due) WHERE state = 'open';

-- +goose Down
DROP TABLE tasks;

DELETE FROM serials WHERE name = 'tasks';
