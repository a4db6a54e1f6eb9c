-- The settings database. The same text runs on SQLite and on PostgreSQL: times
-- are milliseconds since 1970 in UTC, truth values 0 or 1, JSON is TEXT, and
-- numbers of rows come from the table serials.

-- +goose Up

-- Numbers are handed out here and not by the database, because a row lock held
-- until commit makes them ascend in the order of commits. Whoever follows
-- changes by number therefore misses none.
CREATE TABLE serials (
    name TEXT NOT NULL PRIMARY KEY,
    last BIGINT NOT NULL
);

INSERT INTO serials (name, last) VALUES
    ('changes', 0), ('workspaces', 0), ('users', 0), ('api_keys', 0), ('connections', 0), ('funnels', 0), ('audit_log', 0);

CREATE TABLE changes (
    seq BIGINT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    workspace BIGINT NOT NULL,
    what TEXT NOT NULL
);

CREATE TABLE workspaces (
    id BIGINT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    site_key TEXT NOT NULL UNIQUE,
    currency TEXT NOT NULL,
    zone TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE settings (
    workspace BIGINT NOT NULL REFERENCES workspaces (id),
    version BIGINT NOT NULL,
    in_force BIGINT NOT NULL,
    body TEXT NOT NULL,
    saved_at BIGINT NOT NULL,
    saved_by BIGINT NOT NULL,
    PRIMARY KEY (workspace, version)
);

CREATE TABLE users (
    id BIGINT NOT NULL PRIMARY KEY,
    email TEXT NOT NULL UNIQUE,
    password TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE members (
    workspace BIGINT NOT NULL REFERENCES workspaces (id),
    member BIGINT NOT NULL REFERENCES users (id),
    role TEXT NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (workspace, member)
);

CREATE INDEX members_member ON members (member);

CREATE TABLE sign_ins (
    token BYTEA NOT NULL PRIMARY KEY,
    member BIGINT NOT NULL REFERENCES users (id),
    workspace BIGINT NOT NULL REFERENCES workspaces (id),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX sign_ins_member ON sign_ins (member);

CREATE TABLE sign_in_failures (
    subject BYTEA NOT NULL PRIMARY KEY,
    failures BIGINT NOT NULL,
    last_at BIGINT NOT NULL
);

CREATE TABLE sign_up_links (
    token BYTEA NOT NULL PRIMARY KEY,
    expires_at BIGINT NOT NULL
);

CREATE TABLE api_keys (
    id BIGINT NOT NULL PRIMARY KEY,
    workspace BIGINT NOT NULL REFERENCES workspaces (id),
    token BYTEA NOT NULL UNIQUE,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by BIGINT NOT NULL
);

CREATE TABLE connections (
    id BIGINT NOT NULL PRIMARY KEY,
    workspace BIGINT NOT NULL REFERENCES workspaces (id),
    provider TEXT NOT NULL,
    state TEXT NOT NULL,
    since BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    due BIGINT NOT NULL,
    app TEXT NOT NULL,
    name TEXT NOT NULL,
    region TEXT NOT NULL,
    last_event_at BIGINT NOT NULL,
    last_error TEXT NOT NULL,
    details TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (workspace, provider)
);

-- A provider's workspace is routed to one place.
CREATE UNIQUE INDEX connections_route ON connections (provider, app) WHERE state = 'connected';

CREATE TABLE tokens (
    connection BIGINT NOT NULL PRIMARY KEY REFERENCES connections (id),
    sealed BYTEA NOT NULL,
    sealed_at BIGINT NOT NULL
);

CREATE TABLE oauth_states (
    state BYTEA NOT NULL PRIMARY KEY,
    browser BYTEA NOT NULL,
    provider TEXT NOT NULL,
    connection BIGINT NOT NULL REFERENCES connections (id),
    workspace BIGINT NOT NULL REFERENCES workspaces (id),
    member BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE TABLE funnels (
    id BIGINT NOT NULL PRIMARY KEY,
    workspace BIGINT NOT NULL REFERENCES workspaces (id),
    name TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE INDEX funnels_workspace ON funnels (workspace);

CREATE TABLE contact_stages (
    workspace BIGINT NOT NULL REFERENCES workspaces (id),
    node TEXT NOT NULL,
    stage TEXT NOT NULL,
    at BIGINT NOT NULL,
    member BIGINT NOT NULL,
    PRIMARY KEY (workspace, node)
);

CREATE TABLE audit_log (
    id BIGINT NOT NULL PRIMARY KEY,
    workspace BIGINT NOT NULL,
    at BIGINT NOT NULL,
    member BIGINT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL
);

CREATE INDEX audit_log_workspace ON audit_log (workspace, id);

CREATE TABLE inbox (
    id BYTEA NOT NULL PRIMARY KEY,
    connection BIGINT NOT NULL REFERENCES connections (id),
    payload BYTEA NOT NULL,
    state TEXT NOT NULL,
    received BIGINT NOT NULL,
    due BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    lease BYTEA NOT NULL,
    leased_until BIGINT NOT NULL,
    last_error TEXT NOT NULL
);

CREATE INDEX inbox_due ON inbox (due) WHERE state = 'waiting';
CREATE INDEX inbox_connection ON inbox (connection);

-- +goose Down
DROP TABLE inbox;
DROP TABLE audit_log;
DROP TABLE contact_stages;
DROP TABLE funnels;
DROP TABLE oauth_states;
DROP TABLE tokens;
DROP TABLE connections;
DROP TABLE api_keys;
DROP TABLE sign_up_links;
DROP TABLE sign_in_failures;
DROP TABLE sign_ins;
DROP TABLE members;
DROP TABLE users;
DROP TABLE settings;
DROP TABLE workspaces;
DROP TABLE changes;
DROP TABLE serials;
