-- Outgoing webhooks: who is told of leads, what each receiver has been told of,
-- and what is or was on its way. Of a lead no more is kept than its id and a
-- hash of what a receiver sees; bodies are made when they are sent.

-- +goose Up
INSERT INTO serials (name, last) VALUES ('webhook_endpoints', 0);

CREATE TABLE webhook_endpoints (
    id BIGINT NOT NULL PRIMARY KEY,
    workspace BIGINT NOT NULL REFERENCES workspaces (id),
    name TEXT NOT NULL,
    url TEXT NOT NULL,
    events TEXT NOT NULL,
    state TEXT NOT NULL,
    words TEXT NOT NULL,
    secret BYTEA NOT NULL,
    former BYTEA NOT NULL,
    former_until BIGINT NOT NULL,
    failing_since BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    lease BYTEA NOT NULL,
    leased_until BIGINT NOT NULL
);

CREATE INDEX webhook_endpoints_workspace ON webhook_endpoints (workspace);

CREATE TABLE webhook_leads (
    endpoint BIGINT NOT NULL REFERENCES webhook_endpoints (id),
    contact BYTEA NOT NULL,
    fingerprint BYTEA NOT NULL,
    serial BIGINT NOT NULL,
    PRIMARY KEY (endpoint, contact)
);

CREATE INDEX webhook_leads_contact ON webhook_leads (contact);

CREATE TABLE webhook_deliveries (
    id BYTEA NOT NULL PRIMARY KEY,
    endpoint BIGINT NOT NULL REFERENCES webhook_endpoints (id),
    event TEXT NOT NULL,
    contact BYTEA NOT NULL,
    state TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    status BIGINT NOT NULL,
    words TEXT NOT NULL,
    due BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint, due) WHERE state = 'pending';
CREATE INDEX webhook_deliveries_log ON webhook_deliveries (endpoint, created_at);
CREATE INDEX webhook_deliveries_contact ON webhook_deliveries (contact);

-- +goose Down
DROP TABLE webhook_deliveries;
DROP TABLE webhook_leads;
DROP TABLE webhook_endpoints;
DELETE FROM serials WHERE name = 'webhook_endpoints';
