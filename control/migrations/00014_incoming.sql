-- Incoming webhooks: addresses with a secret in them, of which a hash is kept.

-- +goose Up
INSERT INTO serials (name, last) VALUES ('incoming_hooks', 0);

CREATE TABLE incoming_hooks (
    id BIGINT NOT NULL PRIMARY KEY,
    workspace BIGINT NOT NULL REFERENCES workspaces (id),
    token BYTEA NOT NULL UNIQUE,
    name TEXT NOT NULL,
    conversion TEXT NOT NULL,
    has_value BIGINT NOT NULL,
    value DOUBLE PRECISION NOT NULL,
    currency TEXT NOT NULL,
    id_path TEXT NOT NULL,
    email_path TEXT NOT NULL,
    phone_path TEXT NOT NULL,
    value_path TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE INDEX incoming_hooks_workspace ON incoming_hooks (workspace);

-- +goose Down
DROP TABLE incoming_hooks;
DELETE FROM serials WHERE name = 'incoming_hooks';
