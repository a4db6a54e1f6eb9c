-- What reached the addresses of webhooks, counted: that a provider's delivery
-- came, of which topic, or that one came whose signature did not fit. Nothing
-- of what it said.

-- +goose Up
CREATE TABLE signals (
    provider TEXT NOT NULL,
    app TEXT NOT NULL,
    what TEXT NOT NULL,
    times BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    PRIMARY KEY (provider, app, what)
);

-- +goose Down
DROP TABLE signals;
