-- +goose Up
-- When a contact's node first came to a stage, under the name it had then.
CREATE TABLE stage_firsts (
    workspace BIGINT NOT NULL REFERENCES workspaces (id),
    node TEXT NOT NULL,
    stage TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (workspace, stage, node)
);

INSERT INTO stage_firsts (workspace, node, stage, at) SELECT workspace, node, stage, at FROM contact_stages;

-- +goose Down
DROP TABLE stage_firsts;
