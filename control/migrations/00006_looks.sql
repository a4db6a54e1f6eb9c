-- Looks through what a provider has: everything once (backfill), and every hour
-- what changed (reconcile).

-- +goose Up
CREATE TABLE looks (
    connection BIGINT NOT NULL REFERENCES connections (id),
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    since BIGINT NOT NULL,
    begun_at BIGINT NOT NULL,
    position TEXT NOT NULL,
    found BIGINT NOT NULL,
    total BIGINT NOT NULL,
    finished_at BIGINT NOT NULL,
    note TEXT NOT NULL,
    due BIGINT NOT NULL,
    lease BYTEA NOT NULL,
    leased_until BIGINT NOT NULL,
    PRIMARY KEY (connection, kind)
);

CREATE INDEX looks_due ON looks (due) WHERE state = 'open';

-- +goose Down
DROP TABLE looks;
