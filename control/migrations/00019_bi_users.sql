-- +goose Up
-- Who reads a workspace's views on a ClickHouse server with a BI tool. hash is the SHA-256 of a random password; applied
-- says that this program made the user there, and did not have to leave it to an administrator.
CREATE TABLE bi_users (
    workspace BIGINT NOT NULL REFERENCES workspaces (id),
    login TEXT NOT NULL,
    hash TEXT NOT NULL,
    details BIGINT NOT NULL,
    applied BIGINT NOT NULL,
    added_at BIGINT NOT NULL,
    PRIMARY KEY (workspace, login)
);

-- +goose Down
DROP TABLE bi_users;
