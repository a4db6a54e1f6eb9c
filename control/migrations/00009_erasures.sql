-- What was erased, so that nothing brings it back: keyed hashes of nodes, with
-- the times that are meant. The key is a sealed secret. What an erasure is
-- about in the clear is kept sealed until it is done.

-- +goose Up
CREATE TABLE secrets (
    name TEXT NOT NULL PRIMARY KEY,
    sealed BYTEA NOT NULL
);

CREATE TABLE erased_nodes (
    task BIGINT NOT NULL REFERENCES tasks (id),
    workspace BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    since BIGINT NOT NULL,
    until BIGINT NOT NULL,
    arrived BIGINT NOT NULL,
    PRIMARY KEY (task, hash, since)
);

CREATE TABLE erasure_work (
    task BIGINT NOT NULL PRIMARY KEY REFERENCES tasks (id),
    sealed BYTEA NOT NULL
);

-- +goose Down
DROP TABLE erasure_work;
DROP TABLE erased_nodes;
DROP TABLE secrets;
