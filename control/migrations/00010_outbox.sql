-- Conversions on their way to advertising platforms. Ids of pushes are text, in
-- the form in which the platform is given them. A push that is held by somebody
-- (lease, until leased_until) is due when the lease ends at the earliest, so
-- that the index of what is due leads to what is free.

-- +goose Up
INSERT INTO serials (name, last) VALUES ('outbox', 0), ('destinations', 0), ('stage_changes', 0);

-- What was sent for a connection's conversions before this moment is no longer
-- known, so that none of them may be sent.
ALTER TABLE connections ADD COLUMN pushes_forgotten BIGINT NOT NULL DEFAULT 0;

CREATE TABLE destinations (
    id BIGINT NOT NULL PRIMARY KEY,
    workspace BIGINT NOT NULL REFERENCES workspaces (id),
    connection BIGINT NOT NULL REFERENCES connections (id),
    platform TEXT NOT NULL,
    name TEXT NOT NULL,
    account TEXT NOT NULL,
    action TEXT NOT NULL,
    action_name TEXT NOT NULL,
    event TEXT NOT NULL,
    conversions TEXT NOT NULL,
    fires TEXT NOT NULL,
    stage TEXT NOT NULL,
    value TEXT NOT NULL,
    consent TEXT NOT NULL,
    dry_run BIGINT NOT NULL,
    test_code TEXT NOT NULL,
    paused BIGINT NOT NULL,
    since BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    removed_at BIGINT NOT NULL
);

-- Two with the same target would fight over the same pushes.
CREATE UNIQUE INDEX destinations_target ON destinations (workspace, platform, account, action, event) WHERE removed_at = 0;
CREATE INDEX destinations_connection ON destinations (connection);

CREATE TABLE outbox (
    id TEXT NOT NULL PRIMARY KEY,
    workspace BIGINT NOT NULL,
    destination BIGINT NOT NULL REFERENCES destinations (id),
    conversion TEXT NOT NULL,
    contact TEXT NOT NULL,
    conversion_name TEXT NOT NULL,
    at BIGINT NOT NULL,
    stage TEXT NOT NULL,
    state TEXT NOT NULL,
    words TEXT NOT NULL,
    code TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    tries BIGINT NOT NULL,
    open BIGINT NOT NULL,
    open_since BIGINT NOT NULL,
    alone BIGINT NOT NULL,
    receipt TEXT NOT NULL,
    first_at BIGINT NOT NULL,
    due BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    waits TEXT NOT NULL,
    wait_until BIGINT NOT NULL,
    note TEXT NOT NULL,
    lease TEXT NOT NULL,
    leased_until BIGINT NOT NULL,
    begun TEXT NOT NULL
);

CREATE INDEX outbox_due ON outbox (destination, due) WHERE state = 'pending';
CREATE INDEX outbox_state ON outbox (destination, state);
CREATE INDEX outbox_log ON outbox (workspace, created_at, id);
CREATE INDEX outbox_contact ON outbox (contact);
CREATE INDEX outbox_conversion ON outbox (conversion);

CREATE TABLE push_attempts (
    push TEXT NOT NULL,
    n BIGINT NOT NULL,
    at BIGINT NOT NULL,
    ended_at BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    code TEXT NOT NULL,
    words TEXT NOT NULL,
    PRIMARY KEY (push, n)
);

CREATE INDEX push_attempts_at ON push_attempts (at);

-- Stages that a workspace made, and the order of all once somebody chose one.
CREATE TABLE stages (
    workspace BIGINT NOT NULL REFERENCES workspaces (id),
    name TEXT NOT NULL,
    place BIGINT NOT NULL,
    PRIMARY KEY (workspace, name)
);

INSERT INTO stages (workspace, name, place)
SELECT workspace, stage, 100 FROM contact_stages
WHERE stage NOT IN ('New', 'Contacted', 'In Progress', 'Converted', 'Lost') GROUP BY workspace, stage;

-- What was said of contacts, until it was looked at.
CREATE TABLE stage_changes (
    serial BIGINT NOT NULL PRIMARY KEY,
    workspace BIGINT NOT NULL,
    node TEXT NOT NULL,
    stage TEXT NOT NULL,
    at BIGINT NOT NULL,
    lease TEXT NOT NULL,
    leased_until BIGINT NOT NULL
);

-- +goose Down
DROP TABLE stage_changes;
DROP TABLE stages;
DROP TABLE push_attempts;
DROP TABLE outbox;
DROP TABLE destinations;

ALTER TABLE connections DROP COLUMN pushes_forgotten;

DELETE FROM serials WHERE name IN ('outbox', 'destinations', 'stage_changes');
